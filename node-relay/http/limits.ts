/** Body of a request; the largest transaction is far smaller. Bytes. */
export const MAX_BODY_BYTES = 32 * 1024
/** Path and query. Characters. */
export const MAX_URL_LENGTH = 2_048
/** A device ID as a DID has 80 characters. */
export const MAX_PARAMETER_LENGTH = 128
/** All header lines of a request. Bytes. */
export const MAX_HEADER_BYTES = 16 * 1024
export const MAX_HEADERS = 64

/** Open connections, from everywhere and from one address (a home of browsers behind one NAT, six each). */
export const MAX_CONNECTIONS = 512
export const MAX_CONNECTIONS_PER_ADDRESS = 256

/** From connecting to the first byte: TLS or not. ms */
export const FIRST_BYTE_TIMEOUT_MS = 10_000
export const TLS_HANDSHAKE_TIMEOUT_MS = 10_000
/** Until all headers are there, and until the whole request is. ms */
export const HEADERS_TIMEOUT_MS = 10_000
export const REQUEST_TIMEOUT_MS = 30_000
/** Kept open between two requests. ms */
export const KEEP_ALIVE_TIMEOUT_MS = 15_000
/** Requests over one connection before it is closed. */
export const MAX_REQUESTS_PER_CONNECTION = 1_000

/** Request units that one address may save up, and that come back each second: thirty browsers open the page at once. */
export const REQUEST_BURST = 1_500
export const REQUESTS_PER_SECOND = 60
/** Addresses remembered; beyond that the one unused for longest is forgotten. */
export const MAX_RATE_ADDRESSES = 4_096

/** Request units by what a route costs the relay. */
export const COST = {
  page: 1,
  status: 1,
  join: 1,
  device: 4,
  blocks: 16,
  transaction: 16,
  /** Up to a dozen signatures of kinds that are slow to verify. */
  certificate: 32,
  /** A look at one record, or at what waits for a device. */
  deviceState: 2,
  /** One signature made or verified. */
  signature: 4,
  /** A challenge holds memory for minutes. */
  challenge: 8,
} as const

/** Longest time that a request for news is held open: below what middle boxes and Node's own fetch allow. Seconds. */
export const MAX_WAIT_SECONDS = 25

/** Blocks of one answer, and how many when none is said. */
export const MAX_BLOCKS_LIMIT = 500
export const DEFAULT_BLOCKS_LIMIT = 50

/** Answers with blocks under way at once, some 20 MiB each at most, and how long one reader may take, ms. */
export const MAX_LARGE_ANSWERS = 4
export const LARGE_ANSWER_TIMEOUT_MS = 60_000

/** Devices of one page over the admin socket. */
export const MAX_DEVICES_LIMIT = 500
