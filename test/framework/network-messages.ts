import type { WebRtcCertificate } from '../../node-relay/network/webrtc-certificate.ts'
import type { ProtocolSpec } from '../../shared/protocol/transport.ts'

/** Topic and protocol that the test hosts speak. */
export const TEST_TOPIC = 'lares-test/gossip'
export const TEST_TOPIC_SIZE = 1_024
export const ECHO: ProtocolSpec = {
  id: '/lares-test/echo/1',
  maxRequest: 4_096,
  maxResponse: 64_000,
  timeoutMs: 5_000,
  cost: 1,
}

/** What a relay process is started with, as JSON. */
export interface RelayProcessInit {
  /** Hexadecimal libp2p key; a fresh one when absent. */
  privateKey?: string
  /** A fresh one when absent. */
  certificate?: WebRtcCertificate
  udpPort?: number
  wsPort?: number
  announce?: string[]
  /** Relayed connections without limits of bytes and time. */
  unlimitedCircuits?: boolean
  /** How far the process's clock is ahead, days. */
  daysAhead?: number
}

/** Relay process → test. */
export type FromRelay =
  | { kind: 'ready'; peerId: string; addresses: string[] }
  | { kind: 'gossip'; from: string; text: string }
  | { kind: 'published'; text: string; recipients: number }

/** Test → relay process. */
export type ToRelay = { kind: 'publish'; text: string }

/** What a process of light hosts is started with, as JSON. */
export interface HostsProcessInit {
  hosts: number
  relay: string
}

/** Test → process of light hosts. */
export type ToHosts = { kind: 'publish'; host: number; text: string }

/** Process of light hosts → test. */
export type FromHosts =
  | { kind: 'ready' }
  | { kind: 'gossip'; host: number; text: string }
  | { kind: 'lost'; host: number; peerId: string }
