import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { asciiBytes, concatBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { createSeedSigner } from '../../../shared/crypto/signer.ts'
import {
  challengeAnswerCodec,
  challengeAnswerMessage,
  formatChallenge,
  formatChallengeAnswer,
  parseChallenge,
  parseChallengeAnswer,
} from '../../../shared/device-profile/challenge.ts'
import { leaseCodec, leaseMessage } from '../../../shared/device-profile/lease.ts'
import { relayTimeMessage } from '../../../shared/device-profile/relay-time.ts'
import { sha256 } from '../../../shared/hash.ts'
import { ownerAnchor, voucherAnchor } from '../../../shared/identity/anchor.ts'
import { deviceIdOf, formatDeviceId } from '../../../shared/identity/device-id.ts'
import { formatVoucher, publicVoucher } from '../../../shared/protocol/voucher-text.ts'
import {
  approvalMessage,
  type Claim,
  type Evidence,
  hashApplication,
  hashClaim,
  registerWalletMessage,
  voucherClaimMessage,
  voucherMessage,
} from '../../../shared/transaction/register.ts'
import { retireMessage, transactionCodec } from '../../../shared/transaction/transaction.ts'
import { isSigned, SmallDevice, sha256 as smallHash, tagged, u48 } from '../../framework/small-device.ts'
import { bytesOfText, textOf } from '../../framework/small-device-text.ts'

/** The examples of docs/PROTOCOL.md section 10: `LARES_WRITE_VECTORS=1` writes them anew, and a change of format shows. */
const FILE = new URL('../../vectors/device-profile.json', import.meta.url)
const DOCUMENT = readFileSync(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8')
const NOW = 1_767_225_600_000

const seedOf = (name: string) => sha256(asciiBytes(name))
const networkId = seedOf('device profile network')
const walletSeed = seedOf('device profile wallet')
const wallet = createSeedSigner(walletSeed)
const recovery = createSeedSigner(seedOf('device profile recovery'))
const relay = createSeedSigner(seedOf('device profile relay'))
const relayId = deviceIdOf(networkId, relay.publicKey, ownerAnchor(relay.publicKey))
const nonce = seedOf('device profile nonce')

async function registration(claim: Claim, evidence: Evidence) {
  const message = registerWalletMessage(networkId, hashApplication({ claim, evidence }))
  const walletSignature = await wallet.sign(message)
  const transaction = transactionCodec.encode({
    TAG: 'register',
    data: { claim, evidence, endorsements: [], walletSignature },
  })
  const deviceId = deviceIdOf(networkId, claim.walletKey, claim.anchor)
  return {
    claim: toHex(transaction.subarray(1, 132)),
    evidence: toHex(transaction.subarray(132, -65)),
    claimHash: toHex(hashClaim(claim)),
    walletMessage: toHex(message),
    transaction: toHex(transaction),
    deviceId: toHex(deviceId),
    deviceIdText: formatDeviceId(networkId, deviceId),
  }
}

async function make() {
  const secret = {
    version: 1,
    networkId,
    seed: seedOf('device profile voucher'),
    issuer: relayId,
    notAfter: NOW,
    label: 1,
  }
  const open = publicVoucher({ ...secret, signature: new Uint8Array(64) })
  const signature = await relay.sign(voucherMessage(networkId, open))
  const voucher = { ...open, signature }
  const claim: Claim = {
    label: 1,
    assurance: 1,
    walletKey: wallet.publicKey,
    recoveryKey: recovery.publicKey,
    anchor: voucherAnchor(voucher.voucherKey),
    profile: sha256(Uint8Array.of(1, 0, 0)),
    addresses: [],
  }
  const claimMessage = voucherClaimMessage(networkId, claim)
  const claimSignature = await createSeedSigner(secret.seed).sign(claimMessage)
  const join = await registration(claim, { TAG: 'voucher', data: { voucher, claimSignature } })

  const expectedClaim = { ...claim, anchor: ownerAnchor(wallet.publicKey), profile: new Uint8Array(32) }
  const approval = { evidence: new Uint8Array(32), notAfter: NOW }
  const approved = await relay.sign(approvalMessage(networkId, expectedClaim, approval))
  const expected = await registration(expectedClaim, {
    TAG: 'approval',
    data: { ...approval, issuer: relayId, signature: approved },
  })

  const deviceId = fromHex(join.deviceId)
  const lease = { networkId, deviceId, time: NOW, until: NOW + 3_600_000 }
  const answer = { networkId, deviceId, nonce, time: NOW }
  const signedAnswer = { ...answer, signature: await wallet.sign(challengeAnswerMessage(answer)) }
  const time = { networkId, relayId, nonce, time: NOW }
  const retire = { deviceId, sequence: 1 }
  const retired = await wallet.sign(retireMessage(networkId, retire))
  return {
    about: 'docs/PROTOCOL.md section 10: every byte in hex, times in ms',
    networkId: toHex(networkId),
    walletSeed: toHex(walletSeed),
    walletKey: toHex(wallet.publicKey),
    recoveryKey: toHex(recovery.publicKey),
    relayId: toHex(relayId),
    relayKey: toHex(relay.publicKey),
    join: {
      voucherText: formatVoucher({ ...secret, signature }),
      voucherKey: toHex(voucher.voucherKey),
      claimMessage: toHex(claimMessage),
      ...join,
    },
    expected: { application: expected.claim + expected.evidence, ...expected },
    relayTime: {
      nonce: toHex(nonce),
      time: NOW,
      message: toHex(relayTimeMessage(time)),
      signature: toHex(await relay.sign(relayTimeMessage(time))),
    },
    lease: {
      time: NOW,
      until: lease.until,
      message: toHex(leaseMessage(lease)),
      encoded: toHex(leaseCodec.encode({ ...lease, signature: await wallet.sign(leaseMessage(lease)) })),
    },
    challenge: {
      nonce: toHex(nonce),
      text: formatChallenge(networkId, nonce),
      time: NOW,
      message: toHex(challengeAnswerMessage(answer)),
      answer: toHex(challengeAnswerCodec.encode(signedAnswer)),
      answerText: formatChallengeAnswer(signedAnswer),
    },
    retire: {
      sequence: 1,
      message: toHex(retireMessage(networkId, retire)),
      transaction: toHex(
        transactionCodec.encode({ TAG: 'retire', data: { retire, authority: { TAG: 'wallet', data: retired } } }),
      ),
    },
  }
}

const made = await make()
if (process.env['LARES_WRITE_VECTORS'] === '1') writeFileSync(FILE, `${JSON.stringify(made, null, 1)}\n`)
const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as typeof made

const bytes = (text: string) => Buffer.from(text, 'hex')

it('are what the code makes', () => {
  expect(made).toEqual(vectors)
})

it('have the lengths that the document says', () => {
  const lengths = { claim: 131, evidence: 200, transaction: 397 }
  for (const [name, length] of Object.entries(lengths))
    expect([name, bytes(vectors.join[name as keyof typeof lengths]).length]).toEqual([name, length])
  expect(bytes(vectors.lease.encoded)).toHaveLength(140)
  expect(bytes(vectors.challenge.answer)).toHaveLength(166)
  expect(bytes(vectors.retire.transaction)).toHaveLength(102)
  expect([vectors.challenge.text.length, vectors.challenge.answerText.length]).toEqual([71, 279])
})

it('begin with the tags that the document gives in hex', () => {
  const tags = new Map(
    [...DOCUMENT.matchAll(/^\| ([A-Z-]+) \| `([0-9a-f]+)` \|$/gm)].map(([, name, tag]) => [name, tag]),
  )
  const messages = {
    CLAIM: vectors.join.claimMessage,
    REGISTER: vectors.join.walletMessage,
    TIME: vectors.relayTime.message,
    LEASE: vectors.lease.message,
    ANSWER: vectors.challenge.message,
    RETIRE: vectors.retire.message,
  }
  for (const [name, message] of Object.entries(messages)) {
    const tag = tags.get(name) ?? 'missing'
    expect([name, message.startsWith(tag + vectors.networkId)]).toEqual([name, true])
  }
  const hash = (name: string, ...parts: string[]) => toHex(smallHash(bytes((tags.get(name) ?? '') + parts.join(''))))
  const anchor = hash('ANCHOR-V', vectors.join.voucherKey)
  expect(vectors.join.claim.slice(132, 196)).toBe(anchor)
  expect(vectors.join.deviceId).toBe(hash('DEVICE-ID', vectors.networkId, vectors.walletKey, anchor))
  expect(vectors.expected.claim.slice(132, 196)).toBe(hash('ANCHOR-O', vectors.walletKey))
})

describe('the client that shares no line with the code', () => {
  const device = () => {
    const one = new SmallDevice({
      relay: 'http://127.0.0.1:1',
      seed: bytes(vectors.walletSeed),
      recoveryKey: bytes(vectors.recoveryKey),
    })
    one.networkId = bytes(vectors.networkId)
    one.deviceId = bytes(vectors.join.deviceId)
    return one
  }

  it('makes the same registrations', () => {
    const byVoucher = device()
    expect(toHex(byVoucher.registration(vectors.join.voucherText))).toBe(vectors.join.transaction)
    expect(toHex(byVoucher.registration(`https://lares.local:4670/#join=x&voucher=${vectors.join.voucherText}`))).toBe(
      vectors.join.transaction,
    )
    expect(toHex(byVoucher.deviceId)).toBe(vectors.join.deviceId)
    expect(textOf('lares', byVoucher.networkId.subarray(0, 4), byVoucher.deviceId)).toBe(vectors.join.deviceIdText)
    const expected = device()
    expect(toHex(expected.expectedRegistration(networkId, bytes(vectors.expected.application)))).toBe(
      vectors.expected.transaction,
    )
    expect(toHex(expected.deviceId)).toBe(vectors.expected.deviceId)
    const others = bytes(vectors.expected.application)
    others[5] = (others[5] as number) ^ 1
    expect(() => expected.expectedRegistration(networkId, others)).toThrow('another wallet key')
  })

  it('makes the same lease, answer and retirement', () => {
    const { lease, challenge, retire } = vectors
    expect(toHex(device().lease(lease.time, lease.until))).toBe(lease.encoded)
    expect(toHex(device().answer(bytes(challenge.nonce), challenge.time))).toBe(challenge.answer)
    expect(toHex(device().retirement(retire.sequence))).toBe(retire.transaction)
  })

  it('reads and writes the same texts', () => {
    const { challenge } = vectors
    const read = bytesOfText('laresc', challenge.text)
    expect(toHex(read)).toBe(vectors.networkId.slice(0, 8) + challenge.nonce)
    expect(textOf('laresa', bytes(challenge.answer))).toBe(challenge.answerText)
    expect(toHex(bytesOfText('laresa', challenge.answerText.toLowerCase()))).toBe(challenge.answer)
  })

  it('believes the same time', () => {
    const { relayTime } = vectors
    const message = tagged(
      'lares/relay-time/1',
      bytes(vectors.networkId),
      bytes(vectors.relayId),
      bytes(relayTime.nonce),
      u48(relayTime.time),
    )
    expect(toHex(message)).toBe(relayTime.message)
    expect(isSigned(bytes(vectors.relayKey), message, bytes(relayTime.signature))).toBe(true)
  })
})

describe('texts', () => {
  it('are read back, with white space and in either case', () => {
    const { challenge } = vectors
    const nonceOf = (text: string) => parseChallenge(text, networkId)
    for (const text of [challenge.text, ` ${challenge.text.toLowerCase()}\n`])
      expect(nonceOf(text)).toEqual({ ok: true, value: fromHex(challenge.nonce) })
    const answer = parseChallengeAnswer(challenge.answerText)
    expect(answer.ok && toHex(challengeAnswerCodec.encode(answer.value))).toBe(challenge.answer)
  })

  it('are refused with another prefix, network or letter, too long or too short', () => {
    const { text, answerText } = vectors.challenge
    const codeOf = (one: string, id = networkId) => {
      const result = parseChallenge(one, id)
      return result.ok ? 'good' : result.code
    }
    expect(codeOf(text)).toBe('good')
    expect(codeOf(text, seedOf('another network'))).toBe('wrong-network')
    const swapped = text.slice(0, -1) + (text.endsWith('Q') ? 'P' : 'Q')
    for (const bad of ['', swapped, answerText, vectors.join.deviceIdText, text.slice(1), `${text}${' '.repeat(500)}`])
      expect([bad, codeOf(bad)]).toEqual([bad, 'malformed-challenge'])
    expect(codeOf(textOf('laresc', concatBytes(networkId.subarray(0, 4), nonce, Uint8Array.of(1))))).not.toBe('good')
    for (const bad of ['', text, `${answerText}Q`, answerText.replace(/.$/, (last) => (last === 'Q' ? 'P' : 'Q'))])
      expect(parseChallengeAnswer(bad)).toMatchObject({ ok: false, code: 'malformed-answer' })
  })
})
