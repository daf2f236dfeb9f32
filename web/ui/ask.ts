import { LaresError } from '../../shared/errors.ts'
import type { CallNode, UiCall, UiReplies } from '../page/ui-calls.ts'
import type { Failure } from '../worker/api.ts'

const SENTENCES: Readonly<Record<string, string>> = {
  'bridge-timeout': 'This took too long: try again.',
  'bridge-busy': 'Too much is under way just now: try again in a moment.',
  'bridge-closed': 'The tab that did the work was closed: try again.',
}

/** Calls the node; when the call itself fails, that too is a sentence. */
export async function ask<Body extends UiCall>(call: CallNode, body: Body): Promise<UiReplies[Body['call']] | Failure> {
  try {
    return await call(body)
  } catch (error) {
    const code = error instanceof LaresError ? error.code : 'page-failed'
    console.error(`${body.call} failed`, error)
    return { ok: false, code, sentence: SENTENCES[code] ?? 'Something went wrong in this page: reload it.' }
  }
}
