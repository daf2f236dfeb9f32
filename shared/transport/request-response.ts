import { createAsker } from './ask-requests.ts'
import type { RequestComponents, Requests } from './requests.ts'
import { createServer } from './serve-requests.ts'

/**
 * A frame each way for a request, requests one after the other on a stream; see {@link ProtocolSpec}. Streams are kept: a new
 * one costs a round trip or two, and libdatachannel keeps about 3 KB of each WebRTC channel until its connection ends.
 */
export function createRequests(components: RequestComponents): Requests {
  return { ...createServer(components), ...createAsker(components) }
}
