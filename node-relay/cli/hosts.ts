/** libp2p listens on IPv4 alone by default: two sockets on one UDP port, one per family, get in each other's way. */
export function hostsForPeers(listen: readonly string[]): readonly string[] {
  const specific = listen.filter((host) => host !== '::')
  return specific.length > 0 ? specific : listen
}
