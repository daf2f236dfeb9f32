/** `lares wallet`: what it says of the relay's keys, and how it waits for new ones. */
import { afterEach, describe, expect, it } from 'vitest'
import type { WalletDesk, WalletSignatures, WalletView } from '../../../node-relay/wallet/door.ts'
import { seatMessage, walletMessage } from '../../../node-relay/wallet/new-keys.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { createNobleVerifier } from '../../../shared/crypto/noble-verifier.ts'
import { RECOVERY_WORDLIST } from '../../../shared/crypto/recovery-wordlist.ts'
import { decodeRecoveryWords, deriveSeed } from '../../../shared/crypto/recovery-words.ts'
import { createSeedSigner, type Signer } from '../../../shared/crypto/signer.ts'
import { accept } from '../../../shared/errors.ts'
import { FAKE_WALLET, FAKE_WALLET_VIEW } from '../../framework/fake-relay.ts'
import { createHome, type Home, OWNER_WORDS } from './context.ts'

const NEW_KEY = 'ab'.repeat(32)
const record = FAKE_WALLET_VIEW.record as NonNullable<WalletView['record']>
const seat = FAKE_WALLET_VIEW.seat as NonNullable<WalletView['seat']>

let home: Home
afterEach(() => home.clear())

/** A relay whose wallet answers with one view after the other; the last one stays. */
async function withWallet(views: readonly WalletView[], desk: Partial<WalletDesk> = {}): Promise<Home> {
  const left = [...views]
  const view = () => (left.length > 1 ? (left.shift() as WalletView) : (left[0] as WalletView))
  home = createHome({ wallet: { ...FAKE_WALLET, view, ...desk } })
  await home.start()
  return home
}

const run = (...args: string[]) => home.run('wallet', ...args, '--data-dir', home.dataDir)

const under = (state: 'waiting' | 'in-block'): WalletView => ({
  ...FAKE_WALLET_VIEW,
  rotation: { by: 'wallet', walletKey: NEW_KEY, sealingKey: undefined, state },
})
const settled: WalletView = { ...FAKE_WALLET_VIEW, walletKey: NEW_KEY, record: { ...record, walletKey: NEW_KEY } }
const rotate = async () => accept(under('waiting'))

describe('wallet show', () => {
  it('names ID, keys, seat and state, for people and for machines', async () => {
    await withWallet([FAKE_WALLET_VIEW])
    const { code, out } = await run('show')
    expect(code).toBe(0)
    for (const part of [FAKE_WALLET_VIEW.deviceId, FAKE_WALLET_VIEW.did, record.walletKey, record.recoveryKey])
      expect(out).toContain(part)
    expect(out).toMatch(/State +active, last changed in block 1, settled\n/)
    expect(out).toMatch(/Seat +0\n/)
    expect(out).toContain(`${seat.sealingKey}, held by this relay`)
    expect(out).toContain('kept by people alone')
    expect(out).not.toMatch(/does not hold|New keys/)
    const { out: json } = await run('show', '--json')
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(FAKE_WALLET_VIEW)))
  })

  it('says what is not as it should be', async () => {
    const changed = { ...record, isSettled: false, isOwn: false }
    await withWallet([{ ...under('waiting'), record: changed, seat: { ...seat, isOwn: false } }])
    const { out } = await run('show')
    expect(out).toMatch(/not settled: that reaches to block 114 of 120/)
    expect(out).toMatch(/names another wallet key, which this relay does not hold/)
    expect(out).toMatch(/does not hold the sealing key of its seat/)
    expect(out).toMatch(/New keys +handed in, and in no block yet/)
  })

  it('of a relay that is in no ledger yet, and holds no seat', async () => {
    await withWallet([{ ...FAKE_WALLET_VIEW, record: undefined, seat: undefined }])
    const { out } = await run('show')
    expect(out).toMatch(/State +not in the ledger yet/)
    expect(out).toMatch(/Seat +none/)
  })
})

describe('wallet rotate', () => {
  it('asks first, and says how it goes until it is settled', async () => {
    await withWallet([under('waiting'), under('in-block'), settled], { rotate })
    const { code, out } = await home.answering(async () => 'yes', 'wallet', 'rotate', '--data-dir', home.dataDir)
    expect(code).toBe(0)
    const at = ['are void then', 'Waiting for a block', 'In block 120', 'Settled: the old keys are gone', NEW_KEY].map(
      (text) => out.indexOf(text),
    )
    expect(at).toEqual([...at].sort((a, b) => a - b))
    expect(at).not.toContain(-1)
  })

  it('does nothing without a yes, and nothing twice', async () => {
    let begun = 0
    await withWallet([FAKE_WALLET_VIEW], {
      rotate() {
        begun++
        return FAKE_WALLET.rotate()
      },
    })
    expect(await home.answering(async () => 'no', 'wallet', 'rotate', '--data-dir', home.dataDir)).toMatchObject({
      code: 1,
    })
    expect(await run('rotate')).toMatchObject({ code: 2, err: expect.stringContaining('--yes') })
    expect(begun).toBe(0)
    const twice = await run('rotate', '--yes')
    expect(twice).toMatchObject({ code: 1, err: expect.stringContaining('taking over already') })
  })

  it('says when another key came first', async () => {
    await withWallet([under('waiting'), FAKE_WALLET_VIEW], { rotate })
    const { code, err } = await run('rotate', '--yes')
    expect([code, err]).toEqual([1, expect.stringContaining('Another key than the new one')])
  })
})

describe('wallet recover', () => {
  const words = (text: string) => (): Promise<string> => Promise.resolve(text)
  const answering = (text: string) => home.answering(words(text), 'wallet', 'recover', '--data-dir', home.dataDir)

  async function signerOf(text: string): Promise<Signer> {
    const entropy = decodeRecoveryWords(text, RECOVERY_WORDLIST)
    if (!entropy.ok) throw new Error(entropy.detail)
    return createSeedSigner(deriveSeed(entropy.value, 'recovery'))
  }

  const content = { deviceId: '01'.repeat(32), sequence: 4, walletKey: NEW_KEY, addresses: ['/ip4/10.0.0.2/tcp/1'] }
  const ofSeat = { changeNumber: 3, seat: 2, sealingKey: 'cd'.repeat(32) }

  /** A relay that asks for the words of OWNER_WORDS for its wallet, and for its seat those of `seatKey`. */
  async function asking(seatKey?: string) {
    const recoveryKey = toHex((await signerOf(OWNER_WORDS)).publicKey)
    const given: WalletSignatures[] = []
    await withWallet([under('waiting'), settled], {
      proposeRecovery: async () =>
        accept({
          networkId: FAKE_WALLET_VIEW.networkId,
          walletKey: NEW_KEY,
          wallet: { ...content, recoveryKey },
          seat: { ...ofSeat, recoveryKey: seatKey ?? recoveryKey },
        }),
      async recover(signatures) {
        given.push(signatures)
        return accept(under('waiting'))
      },
    })
    return given
  }

  it('signs for both keys, and waits until they are settled', async () => {
    const given = await asking()
    const { code, out } = await answering(OWNER_WORDS)
    expect([code, out]).toEqual([0, expect.stringContaining('Settled')])
    const { publicKey } = await signerOf(OWNER_WORDS)
    const networkId = fromHex(FAKE_WALLET_VIEW.networkId)
    const [{ walletKey, wallet, seat: ofSeatKey } = { walletKey: '' }] = given
    expect(walletKey).toBe(NEW_KEY)
    const walletContent = {
      ...content,
      deviceId: fromHex(content.deviceId),
      walletKey: fromHex(NEW_KEY),
      recoveryKey: publicKey,
    }
    const seatContent = { seat: ofSeat.seat, sealingKey: fromHex(ofSeat.sealingKey), recoveryKey: publicKey }
    const checks = [
      { publicKey, message: walletMessage(networkId, walletContent), signature: fromHex(wallet ?? '') },
      {
        publicKey,
        message: seatMessage(networkId, ofSeat.changeNumber, seatContent),
        signature: fromHex(ofSeatKey ?? ''),
      },
    ]
    expect(await createNobleVerifier().verifyBatch(checks)).toEqual([true, true])
  })

  it('says when the seat has other words, and signs for the wallet key alone', async () => {
    const given = await asking('ef'.repeat(32))
    const { code, out } = await answering(OWNER_WORDS)
    expect([code, out]).toEqual([0, expect.stringContaining('seat of this relay has another recovery key')])
    expect(Object.keys(given[0] ?? {})).toEqual(['walletKey', 'wallet'])
  })

  it('takes neither other words nor none, and hands nothing in', async () => {
    const given = await asking()
    const others = 'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about'
    expect(await answering(others)).toMatchObject({ code: 1, err: expect.stringContaining('not the recovery words') })
    expect(await answering('no words')).toMatchObject({ code: 1, err: expect.stringContaining('not recovery words') })
    expect(await answering('')).toMatchObject({ code: 1, err: expect.stringContaining('are needed') })
    expect(given).toHaveLength(0)
  })

  it('says what the relay refuses', async () => {
    await withWallet([FAKE_WALLET_VIEW])
    expect(await answering(OWNER_WORDS)).toMatchObject({ code: 1, err: expect.stringContaining('in a block') })
  })
})

it('without a relay says how to start one', async () => {
  home = createHome()
  for (const command of ['show', 'rotate', 'recover'])
    expect(await run(command, ...(command === 'rotate' ? ['--yes'] : []))).toMatchObject({
      code: 1,
      err: expect.stringContaining('npm start'),
    })
})
