/** Which endorsements a registration takes along: one for each sponsor, by members of the proven set, by their own keys. */
import { beforeEach, describe, expect, test } from 'vitest'
import { compareBytes, equalBytes, toHex } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { accept } from '../../../shared/errors.ts'
import { LABEL } from '../../../shared/identity/label.ts'
import { endorsementAnswerCodec } from '../../../shared/protocol/messages.ts'
import { endorsementMessage, hashApplication, type Register } from '../../../shared/transaction/register.ts'
import { transactionCodec } from '../../../shared/transaction/transaction.ts'
import type { ChainAccess } from '../../../web/client/chain-access.ts'
import { collectEndorsements } from '../../../web/client/endorsements.ts'
import type { PagePort } from '../../../web/client/ports.ts'
import type { TestDevice } from '../../framework/chain-actions.ts'
import { LedgerFixture, named } from '../../shared/ledger/ledger-fixture.ts'

/** Six nodes that one sponsor let in, and the last by another. */
const NODES = 7

let ledger: LedgerFixture
let nodes: TestDevice[]
let application: Register

beforeEach(async () => {
  ledger = new LedgerFixture()
  nodes = []
  for (let n = 0; n < NODES; n++) nodes.push(await ledger.admit(`node ${n}`, { label: LABEL.coordination }))
  const members = nodes.map(({ deviceId }, n) => ({
    deviceId,
    sponsor: named(n === NODES - 1 ? 'other sponsor' : 'sponsor'),
    sinceHeight: 0,
  }))
  members.sort((a, b) => compareBytes(a.deviceId, b.deviceId))
  ledger.draft.coordinationSet = { number: 1, members }
  const transaction = await ledger.ownerRegister('newcomer')
  if (transaction.TAG !== 'register') throw new Error('not a registration')
  application = transaction.data
})

/** Each node is a server; the forger signs with another key. */
function collect({ forger = -1 } = {}) {
  const access = {
    networkId: ledger.networkId,
    graph: { tip: {} },
    query: async (_node: unknown, key: Uint8Array) => ({
      kind: 'proven',
      value: ledger.draft.state.get(key),
      proofBytes: 0,
      peer: '',
    }),
    servers: {
      inOrder: () => nodes.map((_, n) => `${n}`),
      ask: async (peer: string) => {
        const { deviceId, wallet } = nodes[Number(peer)] as TestDevice
        const key = Number(peer) === forger ? ledger.device('stranger').wallet : wallet
        const signature = await key.sign(endorsementMessage(ledger.networkId, hashApplication(application)))
        return accept(endorsementAnswerCodec.encode({ TAG: 'endorsed', data: { deviceId, signature } }))
      },
    },
  } as unknown as ChainAccess
  const page: PagePort = { call: () => Promise.reject(new Error('nobody to dial')) }
  return collectEndorsements(access, { page, verifier: createNobleVerifier() }, application)
}

describe('endorsements', () => {
  test('one for each sponsor, however many of one sponsor answer first', async () => {
    const found = await collect()
    if (!found.ok) throw new Error(found.detail)
    const ids = found.value.map(({ deviceId }) => deviceId)
    expect(ids.map(toHex)).toEqual(
      [nodes[0], nodes[NODES - 1]].map((node) => toHex(node?.deviceId as Uint8Array)).sort(),
    )
    const data = { ...application, endorsements: found.value }
    expect(transactionCodec.decode(transactionCodec.encode({ TAG: 'register', data })).ok).toBe(true)
    expect(await ledger.applySigned({ TAG: 'register', data })).toEqual({ ok: true })
  })

  test('a forged one is no voice: another of that sponsor is taken', async () => {
    const found = await collect({ forger: 0 })
    if (!found.ok) throw new Error(found.detail)
    expect(found.value.some(({ deviceId }) => equalBytes(deviceId, nodes[1]?.deviceId as Uint8Array))).toBe(true)
    expect(await ledger.applySigned({ TAG: 'register', data: { ...application, endorsements: found.value } })).toEqual({
      ok: true,
    })
  })
})
