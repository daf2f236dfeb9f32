import type { StateProof } from '../../../shared/proof/state-proof.ts'
import { plainSha256, plainTagged } from '../state-tree/reference.ts'

/**
 * The root that a proof leads to when nothing but hashes is looked at: what a forger would have to get sealed.
 * With it as root, only the checks of form stand between a forged shape and a verdict.
 */
export function foldStateProof(key: Uint8Array, { path, terminal }: StateProof): Uint8Array {
  let hash = foldTerminal(key, terminal)
  for (const { bitDepth, sibling } of path.toReversed()) {
    const bit = ((key[bitDepth >>> 3] as number) >>> (7 - (bitDepth & 7))) & 1
    const [left, right] = bit === 0 ? [hash, sibling] : [sibling, hash]
    hash = plainTagged('lares/state/inner/1', Uint8Array.of(bitDepth), cut(key, bitDepth), left, right)
  }
  return hash
}

function foldTerminal(key: Uint8Array, terminal: StateProof['terminal']): Uint8Array {
  switch (terminal.TAG) {
    case 'empty':
      return plainTagged('lares/state/empty/1')
    case 'present':
      return plainTagged('lares/state/leaf/1', key, plainSha256(terminal.data.value))
    case 'otherLeaf':
      return plainTagged('lares/state/leaf/1', terminal.data.key, terminal.data.valueHash)
    case 'divergingInner': {
      const { bitDepth, prefix, left, right } = terminal.data
      return plainTagged('lares/state/inner/1', Uint8Array.of(bitDepth), prefix, left, right)
    }
  }
}

/** The first bits of a key, zeros after. */
export function cut(key: Uint8Array, bits: number): Uint8Array {
  return key.map((byte, i) => (i * 8 + 8 <= bits ? byte : i * 8 >= bits ? 0 : byte & (0xff00 >>> (bits - i * 8))))
}
