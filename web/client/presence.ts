/** Loaded once this device has an ID with its key: who has none is present nowhere. */
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { presenceTimes } from '../../shared/coordination/lease.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import {
  presenceAnswerCodec,
  presenceRequestCodec,
  provePresenceCodec,
  sessionAnswerCodec,
} from '../../shared/protocol/presence-messages.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import { duelProofCodec, duelProofMessage } from '../../shared/session/duel-proof.ts'
import {
  type SessionCertificate,
  sessionCertificateCodec,
  sessionMessage,
} from '../../shared/session/session-certificate.ts'
import type { PresenceView } from '../worker/api.ts'
import type { Identity } from './identity.ts'
import type { Incidents } from './incidents.ts'
import type { ClientPorts } from './ports.ts'
import type { Servers } from './servers.ts'

/** What the wallet certifies at a time, ms; certified anew at half of it. */
const SESSION_MS = 3_600_000
/** A server that gave no answer is asked again after this, ms. */
const RETRY_MS = 5_000
/** Who is to wait asks this much after its time, ms: the server's clock must have passed it. */
const AFTER_WAIT_MS = 100
/** Whatever a server says, it is not asked more often, ms. */
const LEAST_PAUSE_MS = 1_000
/** A server that does not know the session is shown it again, and asked again, at once; after that it has refused. */
const ROUNDS = 2

/** Why a server takes no session of this device, for a person. */
const REFUSALS: Readonly<Record<string, string>> = {
  'clock-differs': "this device's clock is wrong: set it",
  'session-ended': "this device's clock is wrong: set it",
  retired: 'this device is retired',
  'not-in-ledger': 'the server does not have this device in its settled ledger yet',
  'not-ready': 'the server is still starting',
  'bad-signature': 'the key of this device was replaced elsewhere',
  full: 'it holds as many devices as it can',
}

export interface PresenceInit {
  readonly networkId: Uint8Array
  /** Wanted time between blocks, ms: the times of presence follow from it. */
  readonly spacingMs: () => number
  readonly servers: Pick<Servers, 'ask' | 'has'>
  readonly incidents: Pick<Incidents, 'add'>
  readonly verifier: SignatureVerifier
  readonly clock: TransportClock
  /** This device's ID where it is settled and its key is here. */
  readonly deviceId: () => Uint8Array | undefined
  /** Holds the wallet's key. */
  readonly openWallet: () => Promise<Signer | undefined>
  /** Of the libp2p key that this page has made for itself when it was opened. */
  readonly peerKey: () => Promise<Uint8Array>
  /** The full node at which this device is to be present. */
  readonly server: () => string | undefined
  readonly onChange: () => void
}

/** What of a followed network decides where this device is present. */
export interface PresentDevice {
  readonly networkId: Uint8Array
  readonly spacingMs: number
  readonly servers: Servers
  readonly incidents: Incidents
  readonly identity: Pick<Identity, 'settledId'>
}

export function openPresence(
  device: PresentDevice,
  { page, clock, verifier, store, openWallet }: ClientPorts,
  { server, onChange }: Pick<PresenceInit, 'server' | 'onChange'>,
): Presence {
  const { networkId, servers, incidents, identity } = device
  return new Presence({
    ...{ networkId, servers, incidents, verifier, clock, server, onChange },
    spacingMs: () => device.spacingMs,
    deviceId: () => identity.settledId,
    async openWallet() {
      const keys = await store.readWallet(toHex(networkId)).catch(() => undefined)
      const wallet = keys && (await openWallet(keys))
      return wallet?.ok === true ? wallet.value : undefined
    },
    peerKey: () => page.call({ call: 'peer-key' }),
  })
}

/**
 * This device's presence: its page's key is certified by the wallet for a while, and holds a lease at the primary server
 * (DESIGN 5). When another session claims to be this device, this one proves that it is there; when another was there
 * before, this one waits, and says so.
 */
export class Presence {
  readonly #init: PresenceInit
  #certificate: SessionCertificate | undefined
  /** Servers that have this certificate, over the connection that is open. */
  readonly #shown = new Set<string>()
  /** Where the lease is, or is being claimed. */
  #at: string | undefined
  #nextAt = 0
  #view: PresenceView | undefined
  /** Of the claimant that a person was told of last. */
  #told = ''
  #running: Promise<void> | undefined
  #again = false
  #cancel: (() => void) | undefined
  #stopped = false

  constructor(init: PresenceInit) {
    this.#init = init
  }

  view(): PresenceView | undefined {
    return this.#view
  }

  /** Something changed that may move it: who is connected, who serves, what this device is. */
  look(): Promise<void> {
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** A server was lost, and with it what it knew of this session. */
  lost(peerId: string): void {
    this.#shown.delete(peerId)
    if (this.#at === peerId) this.#nextAt = 0
  }

  /** It knows by a certificate which device this is: to tell it once more tells it nothing. */
  isKnownTo(peerId: string): boolean {
    return this.#shown.has(peerId)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  /**
   * A server asks whether this session still has the wallet, since another claims to be this device.
   * @returns undefined where there is nothing to prove: only to who holds its lease, and against a claim by this very wallet
   */
  async prove(from: string, bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const { networkId, clock, verifier } = this.#init
    const asked = provePresenceCodec.decode(bytes)
    const own = this.#certificate
    const wallet = await this.#init.openWallet()
    if (!asked.ok || own === undefined || wallet === undefined || from !== this.#at) return undefined
    const { nonce, claimed } = asked.value
    const isRival =
      equalBytes(claimed.networkId, networkId) &&
      equalBytes(claimed.deviceId, own.deviceId) &&
      !equalBytes(claimed.peerKey, own.peerKey) &&
      clock.now() < claimed.until
    const check = { publicKey: wallet.publicKey, message: sessionMessage(claimed), signature: claimed.signature }
    if (!isRival || !(await verifier.verify(check))) return undefined
    const { deviceId, peerKey: holderKey } = own
    const content = { networkId, deviceId, holderKey, claimantKey: claimed.peerKey, nonce, time: clock.now() }
    const proof = duelProofCodec.encode({ ...content, signature: await wallet.sign(duelProofMessage(content)) })
    this.#tellOfCopy(claimed)
    return proof
  }

  #tellOfCopy({ peerKey }: SessionCertificate): void {
    const rival = toHex(peerKey)
    if (rival === this.#told) return
    this.#told = rival
    this.#init.incidents.add({
      code: 'key-copied',
      severity: 'alarm',
      sentence:
        'Somebody has tried to be this device with a copy of its key, and was refused. If it was not you, give the ID a new key: open this page in another browser and bring the ID back there with its recovery words. Every copy of the old key is worthless from then on.',
    })
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false
      this.#cancel?.()
      await this.#bePresent()
    }
    if (this.#stopped || this.#at === undefined) return
    this.#cancel = this.#init.clock.after(Math.max(1, this.#nextAt - this.#init.clock.now()), () => void this.look())
  }

  async #bePresent(): Promise<void> {
    const { clock, server } = this.#init
    const deviceId = this.#init.deviceId()
    const at = server()
    if (deviceId === undefined || at === undefined) {
      this.#at = undefined
      // Who was told that the device is in use elsewhere is not told otherwise by losing its servers.
      if (deviceId === undefined || this.#view?.state !== 'in-use') this.#show(undefined)
      return
    }
    if (at === this.#at && clock.now() < this.#nextAt) return
    const isMove = at !== this.#at
    this.#at = at
    // Whom nobody has refused yet is not made to wait by another server.
    if (isMove && this.#view?.state === 'refused') this.#show(undefined)
    const certificate = await this.#certify(deviceId)
    if (certificate === undefined) return this.#later(RETRY_MS)
    for (let round = 0; round < ROUNDS; round++) {
      if (!(await this.#showSession(at, certificate))) return
      if (await this.#claim(at)) return
    }
    this.#refused('no-session')
  }

  /** The certificate of this session, anew when half of its time is over, or the wallet is another one. */
  async #certify(deviceId: Uint8Array): Promise<SessionCertificate | undefined> {
    const { networkId, clock, openWallet } = this.#init
    const now = clock.now()
    const known = this.#certificate
    const isFresh = known !== undefined && Math.abs(now - known.time) < SESSION_MS / 2
    if (isFresh && equalBytes(known.deviceId, deviceId)) return known
    const [wallet, peerKey] = await Promise.all([openWallet(), this.#init.peerKey().catch(() => undefined)])
    if (wallet === undefined || peerKey === undefined) return undefined
    const content = { networkId, deviceId, peerKey, time: now, until: now + SESSION_MS }
    this.#certificate = { ...content, signature: await wallet.sign(sessionMessage(content)) }
    this.#shown.clear()
    return this.#certificate
  }

  async #showSession(at: string, certificate: SessionCertificate): Promise<boolean> {
    if (this.#shown.has(at)) return true
    const answer = await this.#init.servers.ask(at, 'session', sessionCertificateCodec.encode(certificate))
    const said = answer.ok ? sessionAnswerCodec.decode(answer.value) : answer
    if (!said.ok) this.#unanswered(said.code)
    else if (said.value.TAG === 'refused') {
      // The wallet may be another one by now, or the clock set right.
      this.#certificate = undefined
      this.#refused(said.value.data.code)
    } else if (this.#init.servers.has(at)) {
      this.#shown.add(at)
      return true
    }
    return false
  }

  /** @returns false where the server does not know this session: it was started anew, or lost the connection it knew it by */
  async #claim(at: string): Promise<boolean> {
    const { networkId, servers } = this.#init
    const times = presenceTimes({ spacingMs: this.#init.spacingMs() })
    const answer = await servers.ask(at, 'presence', presenceRequestCodec.encode({ networkId }))
    const said = answer.ok ? presenceAnswerCodec.decode(answer.value) : answer
    if (!said.ok) {
      this.#unanswered(said.code)
      return true
    }
    const { TAG: outcome, data } = said.value
    switch (outcome) {
      case 'granted':
      case 'renewed':
      case 'moved':
        this.#show(present(data.unchecked))
        this.#later(Math.min(times.renewal, data.lasts / 2))
        break
      case 'wait': {
        const wait = Math.min(data.wait, times.lease + times.duel + times.claimDelay)
        const until = this.#init.clock.now() + wait
        this.#show(data.isProven ? inUse(until) : asked(until))
        this.#later(wait + AFTER_WAIT_MS)
        break
      }
      case 'full':
        this.#refused('full')
        break
      case 'refused':
        if (data.code === 'no-session') {
          this.#shown.delete(at)
          return false
        }
        this.#refused(data.code)
    }
    return true
  }

  /** What it was told before still holds. A server that does not know of presence is asked again when a lease would be renewed. */
  #unanswered(code: string): void {
    const isOld = code === 'unsupported'
    this.#later(isOld ? presenceTimes({ spacingMs: this.#init.spacingMs() }).renewal : RETRY_MS)
  }

  #refused(code: string): void {
    const reason = REFUSALS[code]
    const sentence =
      reason && `The server does not count this device as present: ${reason}. It is tried again by itself.`
    this.#show({ state: 'refused', tone: 'warn', sentence })
    this.#later(RETRY_MS)
  }

  #later(ms: number): void {
    this.#nextAt = this.#init.clock.now() + Math.max(LEAST_PAUSE_MS, ms)
  }

  #show(view: PresenceView | undefined): void {
    if (view?.state === this.#view?.state && view?.sentence === this.#view?.sentence) return
    this.#view = view
    this.#init.onChange()
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toLocaleTimeString()
}

function present(unchecked: number): PresenceView {
  const rest =
    unchecked === 0
      ? ''
      : ` ${unchecked === 1 ? 'One other server' : `${unchecked} other servers`} could not be asked whether another browser is there with its key; they are asked again.`
  const sentence = `Present: its server knows that this browser speaks for this device.${rest}`
  return { state: 'present', tone: unchecked === 0 ? 'good' : 'warn', sentence }
}

function inUse(until: number): PresenceView {
  const sentence = `This device is in use elsewhere: another browser with its key was here first and has just proven itself. Until that one is gone, this browser does nothing in the name of this device. It asks again by itself at ${timeOf(until)}.`
  return { state: 'in-use', tone: 'warn', sentence }
}

function asked(until: number): PresenceView {
  const sentence = `An earlier session of this device, here or in another browser, has not said that it is over. If it does not prove itself, this browser is let in by itself at ${timeOf(until)}.`
  return { state: 'asked', tone: 'calm', sentence }
}
