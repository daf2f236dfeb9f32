/**
 * A small device, written from PROTOCOL.md section 10 alone: node:crypto for SHA-256, Ed25519 and randomness, fetch for
 * HTTP. It imports nothing of the product, so what it can do, a sensor's firmware can.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign as signMessage,
  verify as verifyMessage,
} from 'node:crypto'

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
/** Nothing is known of cores and memory: H(01 00 00). */
const PROFILE = sha256(Buffer.from('010000', 'hex'))
const VOUCHER_LENGTH = 168

export interface Voucher {
  readonly networkId: Buffer
  readonly seed: Buffer
  readonly issuer: Buffer
  /** `issuer 32 || voucherKey 32 || notAfter 6 || label 1 || signature 64`, as the evidence carries it. */
  readonly publicPart: Buffer
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes
  readonly body: any
}

/** A refusal by the relay: its stable code. */
export class Refused extends Error {
  readonly code: string
  readonly status: number
  constructor({ status, body }: Answer) {
    super(`${status} ${body?.code}: ${body?.sentence}`)
    this.code = String(body?.code)
    this.status = status
  }
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** `u8 length || tag || parts` */
export function tagged(tag: string, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(tag.length), Buffer.from(tag, 'ascii'), ...parts])
}

export function u48(value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(value, 0, 6)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function keyOf(seed: Uint8Array): { readonly secret: KeyObject; readonly publicKey: Buffer } {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' })
  return { secret, publicKey: Buffer.from(spki.subarray(-32)) }
}

export function isSigned(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
  return verifyMessage(null, message, key, signature)
}

/** 10.3: the voucher's text, alone or behind `voucher=` in a link. */
export function readVoucher(text: string): Voucher {
  const bytes = Buffer.from(/(?:^|[#&]voucher=)([A-Za-z0-9_-]+)$/.exec(text.trim())?.[1] ?? '', 'base64url')
  const content = bytes.subarray(0, VOUCHER_LENGTH)
  if (bytes.length !== VOUCHER_LENGTH + 4 || !sha256(content).subarray(0, 4).equals(bytes.subarray(VOUCHER_LENGTH)))
    throw new Error('a character of the voucher is wrong or missing')
  if (content[0] !== 1) throw new Error('an unknown kind of voucher')
  const seed = content.subarray(33, 65)
  const issuer = content.subarray(65, 97)
  return {
    networkId: content.subarray(1, 33),
    seed,
    issuer,
    publicPart: Buffer.concat([issuer, keyOf(seed).publicKey, content.subarray(97)]),
  }
}

export interface SmallDeviceInit {
  /** `http://host:port` */
  readonly relay: string
  /** Of the wallet key; a new one when absent. */
  readonly seed?: Uint8Array
  /** Public recovery key, kept by the owner; a random one, whose private half is thrown away, when absent. */
  readonly recoveryKey?: Uint8Array
  /** ms; the wall clock when absent. */
  readonly now?: () => number
}

export class SmallDevice {
  readonly relay: string
  readonly seed: Buffer
  readonly walletKey: Buffer
  readonly recoveryKey: Buffer
  networkId: Buffer = Buffer.alloc(32)
  deviceId: Buffer = Buffer.alloc(32)
  readonly #secret: KeyObject
  readonly #now: () => number

  constructor(init: SmallDeviceInit) {
    this.relay = init.relay.replace(/\/+$/, '')
    this.seed = Buffer.from(init.seed ?? randomBytes(32))
    const { secret, publicKey } = keyOf(this.seed)
    this.#secret = secret
    this.walletKey = publicKey
    this.recoveryKey = Buffer.from(init.recoveryKey ?? keyOf(randomBytes(32)).publicKey)
    this.#now = init.now ?? Date.now
  }

  sign(message: Uint8Array): Buffer {
    return signMessage(null, message, this.#secret)
  }

  /** 10.3: the register transaction without endorsements. Sets network and device ID. */
  registration(voucherText: string, networkId?: Uint8Array): Buffer {
    const voucher = readVoucher(voucherText)
    this.networkId = Buffer.from(networkId ?? voucher.networkId)
    const voucherKey = voucher.publicPart.subarray(32, 64)
    const anchor = sha256(tagged('lares/anchor/voucher/1', voucherKey))
    const claim = Buffer.concat([Buffer.of(1, 1), this.walletKey, this.recoveryKey, anchor, PROFILE, Buffer.of(0)])
    const claimMessage = tagged('lares/voucher/claim/1', this.networkId, sha256(claim))
    const evidence = Buffer.concat([
      Buffer.of(1),
      voucher.publicPart,
      signMessage(null, claimMessage, keyOf(voucher.seed).secret),
    ])
    return this.#register(claim, evidence)
  }

  /** 10.4: the same from a claim and evidence that the operator has prepared for this wallet key. */
  expectedRegistration(networkId: Uint8Array, application: Uint8Array): Buffer {
    this.networkId = Buffer.from(networkId)
    const claim = Buffer.from(application.subarray(0, 131))
    if (claim.length !== 131 || claim[0] !== 1 || claim[130] !== 0) throw new Error('not the claim of a small device')
    if (!claim.subarray(2, 34).equals(this.walletKey)) throw new Error('the claim is of another wallet key')
    if (!claim.subarray(66, 98).equals(sha256(tagged('lares/anchor/owner/1', this.walletKey))))
      throw new Error('the anchor is of another wallet key')
    return this.#register(claim, Buffer.from(application.subarray(131)))
  }

  #register(claim: Buffer, evidence: Buffer): Buffer {
    const anchor = claim.subarray(66, 98)
    this.deviceId = sha256(tagged('lares/device-id/1', this.networkId, this.walletKey, anchor))
    const signature = this.sign(tagged('lares/registration/1', this.networkId, sha256(claim, evidence)))
    return Buffer.concat([Buffer.of(1), claim, evidence, Buffer.of(0), signature])
  }

  async join(voucherText: string): Promise<{ deviceId: string; state: string; transactionId?: string }> {
    return await this.post('/api/v1/join', this.registration(voucherText))
  }

  /** 10.1: as a device does that comes before the relay's own first blocks. */
  async joinWhenReady(voucherText: string, timeoutMs = 60_000): ReturnType<SmallDevice['join']> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      try {
        return await this.join(voucherText)
      } catch (error) {
        const isEarly = error instanceof Refused && ['not-ready', 'unknown-issuer'].includes(error.code)
        if (!isEarly || performance.now() > deadline) throw error
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    }
  }

  /** @param networkId known to the device; what the relay says when absent */
  async joinExpected(networkId?: Uint8Array): Promise<{ deviceId: string; state: string; transactionId?: string }> {
    const id = networkId ?? Buffer.from((await this.get('/api/v1/join')).networkId, 'hex')
    const { application } = await this.get(`/api/v1/expected/${this.walletKey.toString('hex')}`)
    return await this.post('/api/v1/join', this.expectedRegistration(id, Buffer.from(application, 'base64url')))
  }

  get path(): string {
    return `/api/v1/devices/${this.deviceId.toString('hex')}`
  }

  async state(): Promise<{ state: string; sequence?: number; walletKey?: string; time: number; deviceId: string }> {
    return await this.get(`${this.path}/state`)
  }

  /** Asks every half second until the state is there. */
  async until(state: string, timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const answer = await this.state()
      if (answer.state === state) return
      if (performance.now() > deadline) throw new Error(`still ${answer.state}, not ${state}`)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }

  /** 10.6 */
  lease(time: number, until: number): Buffer {
    const content = Buffer.concat([this.networkId, this.deviceId, u48(time), u48(until)])
    return Buffer.concat([content, this.sign(tagged('lares/lease/1', content))])
  }

  async renew(forMs = 3_600_000, time = this.#now()): Promise<{ deviceId: string; until: number }> {
    return await this.post(`${this.path}/lease`, this.lease(time, time + forMs))
  }

  /** 10.7: what waits for this device. */
  async challenges(waitSeconds = 0): Promise<{ time: number; challenges: { nonce: string; expires: number }[] }> {
    return await this.get(`${this.path}/challenges${waitSeconds > 0 ? `?wait=${waitSeconds}` : ''}`)
  }

  answer(nonce: Uint8Array, time: number): Buffer {
    if (nonce.length !== 32) throw new Error('a nonce has 32 bytes')
    const content = Buffer.concat([this.networkId, this.deviceId, nonce, u48(time)])
    return Buffer.concat([content, this.sign(tagged('lares/challenge-answer/1', content))])
  }

  /** Answers whatever waits. @returns the nonces */
  async answerAll(waitSeconds = 0): Promise<string[]> {
    const { time, challenges } = await this.challenges(waitSeconds)
    for (const { nonce } of challenges)
      await this.post(`${this.path}/answers`, this.answer(Buffer.from(nonce, 'hex'), time))
    return challenges.map(({ nonce }) => nonce)
  }

  /** 10.8: leaves for good. */
  retirement(sequence: number): Buffer {
    const content = Buffer.concat([this.deviceId, u32(sequence)])
    const signature = this.sign(tagged('lares/retire/1', this.networkId, sha256(content)))
    return Buffer.concat([Buffer.of(5), content, Buffer.of(1), signature])
  }

  async retire(): Promise<{ transactionId: string }> {
    const { sequence } = await this.state()
    return await this.post('/api/v1/transactions', this.retirement((sequence ?? 0) + 1))
  }

  /** 10.5: the relay's clock, for a device without one. `relayId` as in the voucher: the issuer. */
  async relayTime(relayId: Uint8Array): Promise<number> {
    const nonce = randomBytes(32)
    const said = await this.get(`/api/v1/time?nonce=${nonce.toString('hex')}`)
    const key = Buffer.from(said.relayKey, 'hex')
    const anchor = sha256(tagged('lares/anchor/owner/1', key))
    if (!sha256(tagged('lares/device-id/1', this.networkId, key, anchor)).equals(relayId))
      throw new Error('another relay answers')
    const message = tagged('lares/relay-time/1', this.networkId, relayId, nonce, u48(said.time))
    if (!isSigned(key, message, Buffer.from(said.signature, 'hex'))) throw new Error('the time is not signed')
    return said.time
  }

  async get(path: string) {
    return await this.#ask(path)
  }

  async post(path: string, bytes: Uint8Array) {
    return await this.#ask(path, bytes)
  }

  async #ask(path: string, bytes?: Uint8Array): Promise<Answer['body']> {
    const response = await fetch(this.relay + path, {
      ...(bytes === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: Uint8Array.from(bytes) }),
    })
    const answer: Answer = { status: response.status, body: await response.json() }
    if (response.status >= 300) throw new Refused(answer)
    return answer.body
  }
}
