import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '../atomic-file.ts'
import { MAX_ADDRESSES_PER_NODE, MAX_CONFIGURED_PEERS, MAX_TRIED_PEERS } from './address-book.ts'

const PEERS_FILE = 'peers.json'
/** Addresses remembered; the last go first. */
export const MAX_REMEMBERED_ADDRESSES = (MAX_CONFIGURED_PEERS + MAX_TRIED_PEERS) * MAX_ADDRESSES_PER_NODE

/** Addresses of full nodes that this relay keeps for its next start. */
export interface PeersFile {
  read(): readonly string[]
  /** Written only when they have changed. */
  write(addresses: readonly string[]): void
}

export function openPeersFile(dataDir: string): PeersFile {
  const path = join(dataDir, PEERS_FILE)
  let known = readPeers(path)
  return {
    read: () => known,
    write(addresses) {
      const all = [...new Set(addresses)].slice(0, MAX_REMEMBERED_ADDRESSES)
      if (all.length === known.length && all.every((address, i) => address === known[i])) return
      known = all
      try {
        writeFileAtomic(path, `${JSON.stringify({ version: 1, addresses: all }, undefined, 2)}\n`)
      } catch {
        // A full disk keeps nobody from running; they come again with the next peer, or the next link.
      }
    },
  }
}

/** What cannot be read is no loss: addresses are hints. */
function readPeers(path: string): readonly string[] {
  try {
    const { version, addresses } = JSON.parse(readFileSync(path, 'utf8')) as { version: number; addresses: unknown[] }
    return version === 1 ? addresses.filter((address) => typeof address === 'string') : []
  } catch {
    return []
  }
}
