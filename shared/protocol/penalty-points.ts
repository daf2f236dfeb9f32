/** Points for how a peer uses the connection, whatever it says. Charged by the transport itself. */
export const PENALTY_POINTS = {
  'gossip-rejected': 20,
  'gossip-too-long': 50,
  /** Far beyond its rate. */
  'gossip-flood': 50,
  'request-rejected': 20,
  'request-too-long': 50,
  'request-malformed': 20,
  /** And many before it: one that gets stuck costs nothing. */
  'request-unfinished': 20,
  /** Far beyond its rate. */
  'request-flood': 50,
  'response-too-long': 50,
  'response-malformed': 20,
} as const
