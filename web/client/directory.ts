import { toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import { LaresError } from '../../shared/errors.ts'
import {
  checkDirectory,
  type Directory,
  type DirectoryEntry,
  decodeDirectory,
  MAX_DIRECTORY_LENGTH,
} from '../../shared/fleet/directory.ts'
import { formatMac } from '../../shared/fleet/fields.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import type { DeviceRecord } from '../../shared/identity/record.ts'
import { deviceKey } from '../../shared/ledger/state-keys.ts'
import { readDeviceRecord } from '../../shared/proof/bundle.ts'
import type { TransportClock } from '../../shared/protocol/transport.ts'
import type { DirectoryRecord, LocalStore } from '../store/local-store.ts'
import type { DirectoryEntryView, DirectoryView, Failure, Outcome } from '../worker/api.ts'
import type { ChainAccess } from './chain-access.ts'
import { DIRECTORY, STORAGE_REFUSED } from './sentences.ts'

/** Devices of one answer to a search; the person says more to see others. */
const MAX_FOUND = 50
/** A directory that was just imported waits this long for the headers to be caught up, ms. */
const READY_MS = 20_000
/** A verdict waits this long for its name, ms. */
const NAME_MS = 5_000
/** The settled header may move on while servers are asked. */
const MAX_ROUNDS = 2

export interface PrivateDirectoryInit {
  readonly chain: ChainAccess
  readonly store: Pick<LocalStore, 'readDirectory' | 'writeDirectory' | 'clearDirectory'>
  readonly verifier: SignatureVerifier
  readonly clock: TransportClock
  readonly onChange: () => void
}

interface Opened {
  readonly record: DirectoryRecord
  readonly directory: Directory
  /** By device ID, hex. */
  readonly entries: ReadonlyMap<string, DirectoryEntry>
}

/**
 * The owner's names for the devices of one network, on this device alone: nothing of it is ever sent. A directory counts
 * once the ledger shows, by proof, that its signer is an active full or coordination node; what was stored is checked
 * again in each session, since the signer may be gone by now.
 */
export class PrivateDirectory {
  readonly #init: PrivateDirectoryInit
  #opened: Opened | undefined
  #state: DirectoryView['state'] = 'unchecked'
  #failure: Failure | undefined
  #checking: Promise<void> | undefined

  constructor(init: PrivateDirectoryInit) {
    this.#init = init
  }

  view(): DirectoryView | undefined {
    if (this.#opened === undefined) return undefined
    const { record, directory } = this.#opened
    return {
      devices: directory.entries.length,
      madeAt: directory.madeAt,
      importedAt: record.importedAt,
      state: this.#state,
      failure: this.#failure,
    }
  }

  /**
   * Takes up what is stored. A damaged one is as good as none.
   * @returns whether there is one that is damaged
   */
  async load(): Promise<boolean> {
    try {
      const record = await this.#init.store.readDirectory(this.#networkId)
      if (record === undefined) return false
      this.#opened = open(record)
      void this.#recheck()
      return this.#opened === undefined
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return true
    }
  }

  /** The database was emptied while it was in use: what is in memory goes back into it. */
  async storeAgain(): Promise<void> {
    if (this.#opened !== undefined) await this.#init.store.writeDirectory(this.#networkId, this.#opened.record)
  }

  /** Checks a directory and keeps it in place of the one before. */
  async import(bytes: Uint8Array): Promise<Outcome<{ devices: number }>> {
    if (bytes.length > MAX_DIRECTORY_LENGTH) return DIRECTORY.tooLarge
    const record = { bytes, importedAt: this.#init.clock.now() }
    const opened = open(record)
    if (opened === undefined) return DIRECTORY.malformed
    const refused = await this.#judge(opened)
    if (refused !== undefined) return refused
    try {
      await this.#init.store.writeDirectory(this.#networkId, record)
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return STORAGE_REFUSED
    }
    this.#opened = opened
    this.#settle('checked', undefined)
    return { ok: true, value: { devices: opened.directory.entries.length } }
  }

  async forget(): Promise<Outcome<null>> {
    try {
      await this.#init.store.clearDirectory(this.#networkId)
    } catch (error) {
      if (!(error instanceof LaresError)) throw error
      return STORAGE_REFUSED
    }
    this.#opened = undefined
    this.#settle('unchecked', undefined)
    return { ok: true, value: null }
  }

  /** What the owner calls a device; undefined too when the directory cannot be checked in a moment. */
  async find(deviceId: Uint8Array): Promise<DirectoryEntryView | undefined> {
    const entry = this.#opened?.entries.get(toHex(deviceId))
    if (entry === undefined) return undefined
    let cancel = () => {}
    const late = new Promise<void>((resolve) => {
      cancel = this.#init.clock.after(NAME_MS, resolve)
    })
    await Promise.race([this.#recheck(), late])
    cancel()
    return this.#state === 'checked' ? this.#viewOf(entry) : undefined
  }

  /** Devices whose name, model, serial, vendor or MAC address holds the text; all of them for an empty one. */
  async search(text: string): Promise<Outcome<{ entries: readonly DirectoryEntryView[]; found: number }>> {
    await this.#recheck()
    if (this.#opened === undefined) return DIRECTORY.none
    if (this.#state !== 'checked') return this.#failure ?? DIRECTORY.cannotCheck
    const wanted = text.trim().normalize('NFC').toLowerCase()
    const found = this.#opened.directory.entries.filter((entry) => textsOf(entry).some((one) => one.includes(wanted)))
    found.sort((a, b) => (a.name < b.name ? -1 : 1))
    const entries = found.slice(0, MAX_FOUND).map((entry) => this.#viewOf(entry))
    return { ok: true, value: { entries, found: found.length } }
  }

  get #networkId(): string {
    return toHex(this.#init.chain.networkId)
  }

  #settle(state: DirectoryView['state'], failure: Failure | undefined): void {
    this.#state = state
    this.#failure = failure
    this.#init.onChange()
  }

  /** Checks what was loaded, unless it has been; one check at a time. */
  #recheck(): Promise<void> {
    const opened = this.#opened
    if (opened === undefined || this.#state !== 'unchecked') return Promise.resolve()
    this.#checking ??= this.#judge(opened)
      .then((refused) => {
        // Another may have been imported meanwhile.
        if (this.#opened !== opened || this.#state !== 'unchecked') return
        if (refused === undefined) this.#settle('checked', undefined)
        else if (refused.code !== DIRECTORY.cannotCheck.code) this.#settle('refused', refused)
      })
      .finally(() => {
        this.#checking = undefined
      })
    return this.#checking
  }

  /** Why a directory does not count; undefined when it does. */
  async #judge({ record, directory }: Opened): Promise<Failure | undefined> {
    const { chain, verifier } = this.#init
    // Before anybody is asked: a foreign one needs no proof.
    const foreign = checkDirectory(record.bytes, directory, chain.networkId, undefined)
    if (!foreign.ok && foreign.code === 'wrong-network') return DIRECTORY.wrongNetwork
    const signer = await this.#provenRecord(directory.signer)
    if (signer === 'unavailable') return DIRECTORY.cannotCheck
    const check = checkDirectory(record.bytes, directory, chain.networkId, signer)
    if (!check.ok) return check.code === 'signer-has-no-right' ? DIRECTORY.signerHasNoRight : DIRECTORY.unknownSigner
    return (await verifier.verify(check.value)) ? undefined : DIRECTORY.altered
  }

  async #provenRecord(deviceId: Uint8Array): Promise<DeviceRecord | undefined | 'unavailable'> {
    const { chain } = this.#init
    await chain.until(
      () => chain.graph !== undefined && chain.phase !== 'syncing' && chain.phase !== 'connecting',
      READY_MS,
    )
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (chain.graph === undefined || chain.phase === 'syncing' || chain.servers.size === 0) return 'unavailable'
      const answer = await chain.query(chain.graph.settled.node, deviceKey(deviceId))
      if (answer.kind !== 'proven') continue
      const record = answer.value && readDeviceRecord(answer.value, deviceId)
      return record?.ok ? record.value : undefined
    }
    return 'unavailable'
  }

  #viewOf({ deviceId, name, model, serial, mac, vendor }: DirectoryEntry): DirectoryEntryView {
    return {
      deviceId: formatDeviceId(this.#init.chain.networkId, deviceId),
      name,
      model,
      serial,
      mac: mac === undefined ? '' : formatMac(mac),
      vendor,
    }
  }
}

function open(record: DirectoryRecord): Opened | undefined {
  const directory = decodeDirectory(record.bytes)
  if (!directory.ok) return undefined
  const entries = new Map(directory.value.entries.map((entry) => [toHex(entry.deviceId), entry]))
  return { record, directory: directory.value, entries }
}

function textsOf({ name, model, serial, mac, vendor }: DirectoryEntry): string[] {
  return [name, model, serial, vendor, mac === undefined ? '' : formatMac(mac)].map((text) => text.toLowerCase())
}
