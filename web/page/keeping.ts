/** What the browser keeps for the page beside the worker's database, and how firmly. */

const KEY = 'lares keepsake'

/** A note that outlives the database: which networks there were, and which ID this browser had. Nothing secret. */
export interface Keepsake {
  read(): string | undefined
  /** Only what is new is written; undefined writes nothing. */
  write(text: string | undefined): void
}

export function createKeepsake(find: () => Storage = () => localStorage): Keepsake {
  let written: string | undefined
  return {
    read() {
      try {
        return find().getItem(KEY) ?? undefined
      } catch {
        // A window that may not store: there is nothing to remember.
        return undefined
      }
    },
    write(text) {
      if (text === undefined || text === written) return
      written = text
      try {
        find().setItem(KEY, text)
      } catch {
        // It is a help for bad days, not needed on this one.
      }
    },
  }
}

/** Asks the browser not to clear this page's storage by itself. Some ask the person, so it is called when they gain by it. */
export async function askToPersist(): Promise<boolean | undefined> {
  const { storage } = navigator as { readonly storage?: Partial<StorageManager> }
  return storage?.persist?.().catch(() => undefined)
}
