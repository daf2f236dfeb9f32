import { equalBytes } from '../bytes.ts'
import type { ChainNode } from '../chain/chain-node.ts'
import type { SignatureVerifier } from '../crypto/signature-verifier.ts'
import { accept, type Result, reject } from '../errors.ts'
import {
  checkpointCodec,
  checkpointRequestCodec,
  recoveryCodec,
  recoveryRequestCodec,
  type Status,
} from '../protocol/messages.ts'
import type { Recovery } from '../transaction/roster-change.ts'
import type { Asking } from './asking.ts'
import { type CheckedRecovery, checkRecovery, isRecoveredStart } from './recovery.ts'
import { checkStart } from './start.ts'

/** Where this device goes on: the block of a recovery, as a server gave and the owners signed it. */
export interface RecoveredStart {
  readonly recovery: Recovery
  readonly checkpoint: { readonly height: number; readonly hash: Uint8Array }
  /** Encoded checkpoint answer, checked. */
  readonly answer: Uint8Array
}

export interface RecoveryWatchInit {
  readonly networkId: Uint8Array
  readonly servers: Pick<Asking, 'ask'>
  readonly verifier: SignatureVerifier
  /** undefined until the start is checked. */
  readonly tip: () => ChainNode | undefined
  readonly onRecovered: (start: RecoveredStart) => Promise<void>
  readonly onLie: (peer: string, code: string, evidence: Uint8Array) => void
}

/**
 * Looks whether a server speaks of a recovery that this device does not know, and leaves what was lost for it: by the word of
 * the owners that this device knows, and nobody else's. PROTOCOL.md section 9, "After a recovery".
 */
export class RecoveryWatch {
  readonly #init: RecoveryWatchInit
  #underway = false

  constructor(init: RecoveryWatchInit) {
    this.#init = init
  }

  async look(peer: string, { recovered }: Pick<Status, 'recovered'>): Promise<void> {
    const tip = this.#init.tip()
    if (this.#underway || tip === undefined || recovered <= tip.roster.recovered) return
    this.#underway = true
    try {
      const start = await this.#fetch(peer, tip)
      // Meanwhile ordinary headers may have brought it.
      const now = this.#init.tip()
      if (start !== undefined && now !== undefined && now.roster.recovered < start.recovery.time)
        await this.#init.onRecovered(start)
    } finally {
      this.#underway = false
    }
  }

  async #fetch(peer: string, tip: ChainNode): Promise<RecoveredStart | undefined> {
    const { networkId, servers, verifier, onLie } = this.#init
    const answer = await servers.ask(peer, 'recovery', recoveryRequestCodec.encode({ networkId }))
    if (!answer.ok) return undefined
    const checked = await this.#check(tip, answer.value)
    if (!checked.ok) {
      // That its roster has seats enough, or another owner, is no lie of the server: it is just not followed.
      if (LIES.has(checked.code)) onLie(peer, checked.code, answer.value)
      return undefined
    }
    // A device that knows nothing above the base goes on as usual.
    const { recovery, blockHash } = checked.value
    if (tip.height <= recovery.base.height) return undefined

    const started = await servers.ask(peer, 'checkpoint', checkpointRequestCodec.encode({ networkId, hash: blockHash }))
    if (!started.ok) return undefined
    const decoded = checkpointCodec.decode(started.value)
    const start = decoded.ok ? checkStart(networkId, blockHash, decoded.value) : decoded
    if (!start.ok || !isRecoveredStart(start.value, checked.value)) {
      onLie(peer, start.ok ? 'wrong-recovery' : start.code, started.value)
      return undefined
    }
    const verdicts = await verifier.verifyBatch(start.value.signatures)
    if (!verdicts.every(Boolean)) {
      onLie(peer, 'bad-seal', started.value)
      return undefined
    }
    return { recovery, checkpoint: { height: start.value.node.height, hash: blockHash }, answer: started.value }
  }

  async #check(tip: ChainNode, bytes: Uint8Array): Promise<Result<CheckedRecovery>> {
    const { networkId, verifier } = this.#init
    const decoded = recoveryCodec.decode(bytes)
    if (!decoded.ok) return decoded
    const { recovered } = decoded.value
    if (recovered === undefined) return reject('not-a-recovery', 'the server has none, though its status says so')
    const checked = checkRecovery(tip.roster, networkId, recovered)
    if (!checked.ok) return checked
    const verdicts = await verifier.verifyBatch(checked.value.signatures)
    if (!verdicts.every(Boolean)) return reject('not-by-the-owners', 'signed by others than the owners known here')
    // The base itself has no say: a device may have come in above it.
    return equalBytes(checked.value.blockHash, tip.hash)
      ? reject('recovery-too-old', 'already here')
      : accept(checked.value)
  }
}

/** What no honest server gives, whatever this device knows. */
const LIES: ReadonlySet<string> = new Set(['malformed', 'too-long', 'not-a-recovery', 'wrong-recovery'])
