/** Values one label may take; what comes later is counted together. */
export const MAX_LABEL_VALUES = 64
/** Longest label value, characters. */
const MAX_LABEL_LENGTH = 64
const OTHER = 'other'

/**
 * Keeps the values of one label few, whatever they are made from: every value is a series that lives as long as the
 * process.
 */
export function createBoundedLabel(limit = MAX_LABEL_VALUES): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (known.has(value)) return value
    if (known.size >= limit || value.length > MAX_LABEL_LENGTH) return OTHER
    known.add(value)
    return value
  }
}
