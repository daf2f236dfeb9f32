import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { ACCEPT, reject, type Verdict } from '../../shared/errors.ts'
import { sha256 } from '../../shared/hash.ts'
import { PRIVATE_DIRECTORY_MODE, writeFileAtomic } from '../atomic-file.ts'

/** An endorser can be asked for so long what its endorsement stands on, ms: 90 days. */
const EVIDENCE_KEPT_MS = 90 * 86_400_000
/** 24 KiB each at most. When full of what is still to be kept, no more certificates are endorsed. */
export const MAX_KEPT_EVIDENCE = 4_096

const NAME = /^[0-9a-f]{64}$/

export interface EvidenceStore {
  /** On disk when it returns; again, it begins its time anew. @throws the file system's error */
  keep(evidence: Uint8Array): Verdict<'evidence-full'>
  /** @param hash SHA-256 of the encoded evidence */
  get(hash: Uint8Array): Uint8Array | undefined
}

/** The certificates that this node has endorsed devices by: one file each, named by its hash. Only full nodes are shown them. */
export function createEvidenceStore(directory: string, now: () => number): EvidenceStore {
  const fileOf = (hash: Uint8Array) => join(directory, toHex(hash))

  function names(): string[] {
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE })
    return readdirSync(directory).filter((name) => NAME.test(name))
  }

  /** How many are left. */
  function dropOld(present: readonly string[]): number {
    const old = present.filter((name) => statSync(join(directory, name)).mtimeMs < now() - EVIDENCE_KEPT_MS)
    for (const name of old) rmSync(join(directory, name), { force: true })
    return present.length - old.length
  }

  return {
    keep(evidence) {
      const hash = sha256(evidence)
      const present = names()
      const isNew = !present.includes(toHex(hash))
      if (isNew && present.length >= MAX_KEPT_EVIDENCE && dropOld(present) >= MAX_KEPT_EVIDENCE)
        return reject('evidence-full', 'this node keeps as much evidence as it can; ask another, or come again later')
      if (isNew) writeFileAtomic(fileOf(hash), evidence)
      const seconds = now() / 1_000
      utimesSync(fileOf(hash), seconds, seconds)
      return ACCEPT
    },
    get(hash) {
      try {
        const evidence = readFileSync(fileOf(hash))
        return equalBytes(sha256(evidence), hash) ? evidence : undefined
      } catch {
        return undefined
      }
    },
  }
}
