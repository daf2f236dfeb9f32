/** First byte of every transaction. Numbers above these are refused by rules version 1. */
export const KIND = {
  register: 1,
  rosterChange: 2,
  coordinationChange: 3,
  rotate: 4,
  retire: 5,
  policy: 6,
  evidence: 7,
  incident: 8,
} as const

export type Kind = keyof typeof KIND
