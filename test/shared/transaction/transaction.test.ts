import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { concatBytes, toHex } from '../../../shared/bytes.ts'
import { DEFAULT_POLICY } from '../../../shared/policy/policy.ts'
import { KIND } from '../../../shared/transaction/kinds.ts'
import {
  MAX_TRANSACTION_LENGTH,
  type Transaction,
  transactionCodec,
  transactionIdOf,
} from '../../../shared/transaction/transaction.ts'
import {
  admitKeeper,
  changeCoordination,
  foundRelay,
  makeVoucher,
  registerByVoucher,
  retire,
} from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const filled = (byte: number, length = 32) => new Uint8Array(length).fill(byte)
const refused = expect.objectContaining({ ok: false })

/** One of each kind that the chain builder makes, and made-up ones of the rest. */
let samples: Uint8Array[]
beforeAll(async () => {
  const chain = new ChainBuilder()
  const relay = await foundRelay(chain)
  const phone = await registerByVoucher(chain, await makeVoucher(chain, relay), {
    wallet: namedSigner('phone'),
    endorsers: [relay],
  })
  await admitKeeper(chain, phone, namedSigner('seal'))
  await changeCoordination(chain, phone.deviceId)
  await retire(chain, phone)
  const rotate = {
    deviceId: filled(1),
    sequence: 1,
    walletKey: filled(2),
    recoveryKey: filled(3),
    addresses: ['/ip4/1.2.3.4'],
  }
  const rest: Transaction[] = [
    {
      TAG: 'rotate',
      data: { rotate, authority: { TAG: 'recovery', data: filled(4, 64) }, newKeySignature: filled(5, 64) },
    },
    { TAG: 'policy', data: { policy: DEFAULT_POLICY, signatures: [{ owner: 0, signature: filled(6, 64) }] } },
  ]
  const renewal = { deviceId: filled(1), sequence: 2, issuer: filled(2), evidence: filled(3), notAfter: 4 }
  rest.push({
    TAG: 'evidence',
    data: {
      renewal,
      endorsements: [{ deviceId: filled(5), signature: filled(6, 64) }],
      authority: { TAG: 'wallet', data: filled(7, 64) },
    },
  })
  const session = { networkId: filled(1), deviceId: filled(2), time: 3, signature: filled(4, 64) }
  const claimed = { ...session, peerKey: filled(5), until: 6 }
  const proof = { ...session, holderKey: filled(7), claimantKey: filled(5), nonce: filled(8) }
  rest.push({ TAG: 'incident', data: { incident: { claimed, proof }, endorsements: [] } })
  samples = [...chain.waiting, ...rest.map((one) => transactionCodec.encode(one))]
})

describe('transaction codec', () => {
  test('every kind comes back, its first byte says which it is', () => {
    expect(new Set(samples.map((bytes) => bytes[0]))).toEqual(new Set(Object.values(KIND)))
    for (const bytes of samples) {
      const decoded = transactionCodec.decode(bytes)
      if (!decoded.ok) throw new Error(decoded.detail)
      expect(KIND[decoded.value.TAG]).toBe(bytes[0])
      expect(transactionCodec.encode(decoded.value)).toEqual(bytes)
    }
  })

  test('refuses unknown kinds, trailing bytes, anything cut short, and too much', () => {
    for (const kind of [0, 7, 255]) expect(transactionCodec.decode(Uint8Array.of(kind))).toEqual(refused)
    expect(transactionCodec.decode(new Uint8Array(MAX_TRANSACTION_LENGTH + 1))).toEqual(
      expect.objectContaining({ ok: false, code: 'too-long' }),
    )
    for (const bytes of samples) {
      expect(transactionCodec.decode(concatBytes(bytes, Uint8Array.of(0)))).toEqual(refused)
      for (let length = 0; length < bytes.length; length++)
        expect(transactionCodec.decode(bytes.subarray(0, length))).toEqual(refused)
    }
  })

  test('any altered byte is refused or makes another transaction: there is no second form of one', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, at, mask) => {
        const bytes = samples[which % samples.length] as Uint8Array
        const altered = Uint8Array.from(bytes)
        altered[at % bytes.length] = (altered[at % bytes.length] as number) ^ mask
        const decoded = transactionCodec.decode(altered)
        if (decoded.ok) expect(transactionCodec.encode(decoded.value)).toEqual(altered)
      }),
      { numRuns: 1_000 },
    )
  })

  test('any bytes at all are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(typeof transactionCodec.decode(bytes).ok).toBe('boolean')
      }),
    )
  })

  test.each<[string, Transaction]>([
    ['votes out of order', votes([1, 0])],
    ['a vote twice', votes([1, 1])],
    ['owners out of order', owners([1, 0])],
    ['an owner twice', owners([2, 2])],
    ['endorsements out of order', endorsed([2, 1])],
    ['an endorsement twice', endorsed([1, 1])],
    ['too many endorsements', endorsed([1, 2, 3, 4, 5])],
  ])('refuses %s', (_, wrong) => {
    expect(() => transactionCodec.encode(wrong)).toThrow(expect.objectContaining({ code: 'unencodable' }))
  })

  test('takes the same lists in order', () => {
    for (const good of [votes([0, 1]), owners([0, 1]), endorsed([1, 2, 3, 4])])
      expect(transactionCodec.decode(transactionCodec.encode(good))).toEqual({ ok: true, value: good })
  })
})

test('the ID names the network and every byte', () => {
  const [first, second] = samples as [Uint8Array, Uint8Array]
  const ids = [transactionIdOf(filled(1), first), transactionIdOf(filled(2), first), transactionIdOf(filled(1), second)]
  expect(new Set(ids.map(toHex)).size).toBe(3)
})

function votes(seats: number[]): Transaction {
  const data = seats.map((seat) => ({ seat, expires: 9, signature: filled(seat, 64) }))
  const change = { setNumber: 1, action: 'add' as const, deviceId: filled(1) }
  return { TAG: 'coordinationChange', data: { change, approval: { TAG: 'votes', data } } }
}

function owners(numbers: number[]): Transaction {
  return {
    TAG: 'policy',
    data: { policy: DEFAULT_POLICY, signatures: numbers.map((owner) => ({ owner, signature: filled(owner, 64) })) },
  }
}

function endorsed(devices: number[]): Transaction {
  const claim = {
    label: 1,
    assurance: 1,
    walletKey: filled(1),
    recoveryKey: filled(2),
    anchor: filled(3),
    profile: filled(4),
    addresses: [],
  }
  const endorsements = devices.map((device) => ({ deviceId: filled(device), signature: filled(device, 64) }))
  return {
    TAG: 'register',
    data: { claim, evidence: { TAG: 'owners', data: [] }, endorsements, walletSignature: filled(5, 64) },
  }
}
