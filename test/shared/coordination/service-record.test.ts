import { describe, expect, it } from 'vitest'
import {
  MAX_SERVICE_ADDRESSES,
  peerOfService,
  type ServiceRecord,
  serviceCheck,
  serviceMessage,
} from '../../../shared/coordination/service-record.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { MAX_ASKED_SEATS, serversCodec, serversRequestCodec } from '../../../shared/protocol/service-messages.ts'
import { sayService, serviceAddress } from '../../framework/chain-actions.ts'
import { ChainBuilder, namedSigner } from '../../framework/chain-builder.ts'

const chain = new ChainBuilder({ keepers: 3 })
const { roster } = chain.tip.node
const say = (more: Partial<ServiceRecord> = {}) =>
  sayService(chain, chain.keeper(1), { seat: 1, issuedAt: 1_700_000_000_000, ...more })

/** Written and read; the coder refuses to write what it would refuse to read. */
function read(record: ServiceRecord): string {
  const decoded = serversCodec.decode(serversCodec.encode({ records: [record] }))
  return decoded.ok ? 'ok' : decoded.code
}

describe('a service record', () => {
  it('is read as it was written, and names its peer', async () => {
    const addresses = [serviceAddress('Peer1'), '/dns4/lares.local/tcp/4672/tls/ws/p2p/Peer1']
    const record = await say({ addresses, isBusy: true })
    const decoded = serversCodec.decode(serversCodec.encode({ records: [record] }))
    expect(decoded).toEqual({ ok: true, value: { records: [record] } })
    expect(peerOfService(record)).toBe('Peer1')
  })

  it('has one to four addresses of one peer, in printable characters', async () => {
    const good = await say()
    const withAddresses = (addresses: string[]) => () => read({ ...good, addresses })
    expect(withAddresses(Array.from({ length: MAX_SERVICE_ADDRESSES }, () => serviceAddress('Peer1')))()).toBe('ok')
    for (const addresses of [
      [],
      Array.from({ length: MAX_SERVICE_ADDRESSES + 1 }, () => serviceAddress('Peer1')),
      [serviceAddress('Peer1'), serviceAddress('Peer2')],
      [serviceAddress('Peer1'), '/ip4/192.168.1.20/tcp/1'],
      ['/ip4/192.168.1.20/tcp/1'],
      [`${serviceAddress('Peer1')}/p2p-circuit`],
      [serviceAddress('Peer1').replace('192', '192 ')],
      [`x${serviceAddress('Peer1')}`],
    ])
      expect(withAddresses(addresses), addresses.join(' ')).toThrow()
  })

  it('holds by the key that the roster has for its seat, and by no other', async () => {
    const verifier = createNobleVerifier()
    const holds = (record: ServiceRecord, networkId = chain.networkId) => {
      const check = serviceCheck(networkId, record, roster)
      return check !== undefined && verifier.verifySync(check)
    }
    const good = await say()
    expect(holds(good)).toBe(true)
    expect(holds({ ...good, issuedAt: good.issuedAt + 1 })).toBe(false)
    expect(holds({ ...good, isBusy: true })).toBe(false)
    expect(holds({ ...good, seat: 2 })).toBe(false)
    expect(holds({ ...good, seat: 3 })).toBe(false)
    expect(holds({ ...good, addresses: [serviceAddress('Other')] })).toBe(false)
    expect(holds(good, new ChainBuilder({ name: 'other' }).networkId)).toBe(false)
    expect(holds(await sayService(chain, namedSigner('stranger'), { seat: 1, issuedAt: 1 }))).toBe(false)
  })

  it('signs nothing that another message could be taken for', async () => {
    const { seat, issuedAt, isBusy, addresses } = await say()
    const one = serviceMessage(chain.networkId, { seat, issuedAt, isBusy, addresses })
    const two = serviceMessage(chain.networkId, { seat, issuedAt, isBusy, addresses: [...addresses, ...addresses] })
    expect(one).not.toEqual(two)
    expect(Buffer.from(one.subarray(1, 1 + (one[0] as number))).toString()).toBe('lares/service-record/1')
  })
})

describe('asking for servers', () => {
  it('names one to sixteen seats, rising', () => {
    const ask = (seats: number[]) => () => serversRequestCodec.encode({ networkId: chain.networkId, seats })
    const most = Array.from({ length: MAX_ASKED_SEATS }, (_, i) => 0xffff - MAX_ASKED_SEATS + 1 + i)
    expect(serversRequestCodec.decode(ask(most)())).toMatchObject({ ok: true, value: { seats: most } })
    for (const seats of [[], [1, 1], [2, 1], [...most.map((seat) => seat - 1), 0xffff]]) expect(ask(seats)).toThrow()
  })
})
