import type { WorkerCall, WorkerReplies } from '../worker/api.ts'
import type { CallHandlers } from '../worker/bridge.ts'

/** The calls that come from a person's hand, in whichever tab; all others come from the tab that is the node. */
export type UiCallName =
  | 'add-network'
  | 'select-network'
  | 'remove-network'
  | 'prepare-join'
  | 'prepare-pairing'
  | 'confirm-join'
  | 'cancel-join'
  | 'recover-identity'
  | 'explain-label'
  | 'audit'
  | 'challenge'
  | 'ask-device'
  | 'check-answer'
  | 'answer-challenge'
  | 'import-directory'
  | 'forget-directory'
  | 'search-directory'
  | 'hint'
export type UiCall = Extract<WorkerCall, { readonly call: UiCallName }>
export type UiReplies = Pick<WorkerReplies, UiCallName>

/** Asks the node, wherever it is: this tab's worker, or the tab that has it. @throws {LaresError} */
export type CallNode = <Body extends UiCall>(body: Body) => Promise<UiReplies[Body['call']]>

/** Hands each call on to the node. */
export function forwardUiCalls(call: CallNode): CallHandlers<UiCall, UiReplies> {
  return {
    'add-network': call,
    'select-network': call,
    'remove-network': call,
    'prepare-join': call,
    'prepare-pairing': call,
    'confirm-join': call,
    'cancel-join': call,
    'recover-identity': call,
    'explain-label': call,
    audit: call,
    challenge: call,
    'ask-device': call,
    'check-answer': call,
    'answer-challenge': call,
    'import-directory': call,
    'forget-directory': call,
    'search-directory': call,
    hint: call,
  }
}
