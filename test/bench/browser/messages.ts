/** What passes between the benchmark's page and its worker of limits and rivals. Types only. */

export interface ChainFiles {
  readonly link: string
  readonly networkId: Uint8Array
  readonly status: Uint8Array
  readonly checkpoint: Uint8Array
  readonly hashes: Uint8Array
  readonly items: Uint8Array
  readonly itemLength: number
  readonly sealingKey: Uint8Array
}

/**
 * - `hashes`: nothing but the hashes that following these headers needs
 * - `hashes-and-seals`: those, and each seal by WebCrypto
 * - `one-by-one`: a plain loop: decode, hash, check the parent, verify the seal with @noble, put that one header
 */
export type RivalName = 'hashes' | 'hashes-and-seals' | 'one-by-one'

export interface RivalOrder {
  readonly rival: RivalName
  readonly chain: ChainFiles
  readonly count: number
}

/** Headers a second. */
export type RivalAnswer = { readonly rate: number } | { readonly error: string }

/** An audit of the page's: when it was asked, and how long it took. */
export interface TimedAudit {
  /** ms since the Unix epoch. */
  readonly at: number
  readonly ms: number
  readonly verdict: string
}

/** Peer IDs of the servers that a page has from a moment on. */
export interface DutyChange {
  /** ms since the Unix epoch. */
  readonly at: number
  readonly primary: string | undefined
  readonly standby: string | undefined
}
