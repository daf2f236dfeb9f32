/** Values of a profile's fields. A file of their own: the page reads them, and has no use for the profile's codec. */

export const UNKNOWN = 0
/** Who can open a connection to the device. */
export const REACHABILITY = { unknown: UNKNOWN, nobody: 1, localNetwork: 2, everywhere: 3 } as const
export const POWER = { unknown: UNKNOWN, battery: 1, mains: 2 } as const
export const CONNECTION = { unknown: UNKNOWN, metered: 1, unmetered: 2 } as const
/** All of the time: availability is in thousandths. */
export const WHOLE = 1_000
