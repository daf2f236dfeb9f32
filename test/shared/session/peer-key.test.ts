import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { expect, test } from 'vitest'
import { peerIdOf, peerKeyOf } from '../../../shared/session/peer-key.ts'

test('a libp2p peer ID and its raw key name each other', async () => {
  for (let i = 0; i < 20; i++) {
    const key = await generateKeyPair('Ed25519')
    const peerId = peerIdFromPrivateKey(key).toString()
    expect(peerKeyOf(peerId)).toEqual(key.publicKey.raw)
    expect(peerIdOf(key.publicKey.raw)).toBe(peerId)
  }
})

test('IDs of other keys, and what is no ID, have none', async () => {
  const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString()
  const good = peerIdOf(new Uint8Array(32).fill(9))
  expect(peerKeyOf(good)).toBeDefined()
  for (const peerId of [other, '', 'peer', good.slice(1), `${good}1`, good.replace(/^12D/, '13D'), `0${good.slice(1)}`])
    expect(peerKeyOf(peerId), peerId).toBeUndefined()
})
