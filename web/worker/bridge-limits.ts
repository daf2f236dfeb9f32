/** Bounds of the page-worker bridge. */

/** Calls under way in one direction. Gossip bursts stay far below; more means that the other side hangs. */
export const MAX_CALLS_UNDER_WAY = 256

/** Added to a call's own `timeoutMs`, so that the network's error arrives rather than the bridge's. */
export const REPLY_MARGIN_MS = 2_000

/** Milliseconds until a call is given up, by its name. */
export const CALL_TIMEOUT_MS = {
  // opens IndexedDB and verifies again what is stored
  open: 60_000,
  // fetches a genesis and a checkpoint
  'add-network': 60_000,
  // waits for servers one after the other
  audit: 60_000,
  'check-answer': 60_000,
  // waits for a device that fetches its questions each minute, and then for servers
  'ask-device': 180_000,
  // several addresses, a WebRTC handshake each
  dial: 45_000,
  // asks servers about the voucher first
  'prepare-join': 60_000,
  'confirm-join': 60_000,
  // wait for the headers to be caught up
  'import-directory': 60_000,
  'search-directory': 60_000,
  'recover-identity': 60_000,
  // a person may be asked
  persist: 60_000,
  other: 20_000,
} as const
