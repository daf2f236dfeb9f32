/** What a device is to the network. Bit flags: a home relay is full and coordination at once. */
export const LABEL = { lightweight: 1, full: 2, coordination: 4 } as const

export type LabelName = keyof typeof LABEL

/** Lightweight alone, or full, coordination or both. */
export function isLabel(flags: number): boolean {
  return (
    flags === LABEL.lightweight ||
    flags === LABEL.full ||
    flags === LABEL.coordination ||
    flags === (LABEL.full | LABEL.coordination)
  )
}

export function labelNames(flags: number): LabelName[] {
  return (Object.keys(LABEL) as LabelName[]).filter((name) => (flags & LABEL[name]) !== 0)
}

/** The label with a role added: a role replaces lightweight. */
export function withRole(flags: number, role: number): number {
  return (flags & ~LABEL.lightweight) | role
}

/** The label with a role taken away: without any role a device is lightweight. */
export function withoutRole(flags: number, role: number): number {
  const rest = flags & ~role
  return rest === 0 ? LABEL.lightweight : rest
}

/** How the real identity was verified. A0, not yet, has no ID. */
export const ASSURANCE = { vouched: 1, certified: 2 } as const

export const STATUS = { active: 1, retired: 2 } as const

/** Bit flags of a record. `contested`: a copy of its key was used, and the device has not been verified since. */
export const MARK = { contested: 1 } as const
