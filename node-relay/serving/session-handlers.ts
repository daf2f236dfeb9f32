import { equalBytes } from '../../shared/bytes.ts'
import { PROTOCOLS } from '../../shared/protocol/ids.ts'
import { refusal } from '../../shared/protocol/messages.ts'
import {
  claimAnswerCodec,
  presenceAnswerCodec,
  presenceRequestCodec,
  sessionAnswerCodec,
} from '../../shared/protocol/presence-messages.ts'
import type { PeerNetwork } from '../../shared/protocol/transport.ts'
import { sessionCertificateCodec } from '../../shared/session/session-certificate.ts'
import type { PresenceDesk } from '../coordination/presence-desk.ts'
import type { SessionDesk } from '../coordination/session-desk.ts'

export interface SessionServingInit {
  readonly network: Pick<PeerNetwork, 'handle'>
  readonly networkId: Uint8Array
  readonly sessions: Pick<SessionDesk, 'open'>
  readonly presence: Pick<PresenceDesk, 'claim' | 'claimElsewhere'>
}

/** Answers the protocols of sessions and presence. What does not decode is charged to its sender; a refusal has a code. */
export async function serveSessions({ network, networkId, sessions, presence }: SessionServingInit): Promise<void> {
  await network.handle(PROTOCOLS.session, async (from, bytes) => {
    const certificate = sessionCertificateCodec.decode(bytes)
    if (!certificate.ok) return 'reject'
    const opened = await sessions.open(from, certificate.value)
    return sessionAnswerCodec.encode(
      opened.ok ? { TAG: 'opened', data: { until: opened.value.until } } : refusal(opened.code, opened.detail),
    )
  })
  await network.handle(PROTOCOLS.presence, async (from, bytes) => {
    const request = presenceRequestCodec.decode(bytes)
    if (!request.ok || !equalBytes(request.value.networkId, networkId)) return 'reject'
    return presenceAnswerCodec.encode(await presence.claim(from))
  })
  await network.handle(PROTOCOLS.claim, async (from, bytes) => {
    const certificate = sessionCertificateCodec.decode(bytes)
    if (!certificate.ok) return 'reject'
    return claimAnswerCodec.encode(await presence.claimElsewhere(from, certificate.value))
  })
}
