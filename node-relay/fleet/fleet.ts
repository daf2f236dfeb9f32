import { fromHex, toHex } from '../../shared/bytes.ts'
import type { SignatureVerifier } from '../../shared/crypto/signature-verifier.ts'
import type { Signer } from '../../shared/crypto/signer.ts'
import { accept, LaresError, type Rejection, type Result, reject } from '../../shared/errors.ts'
import { type DirectoryEntry, signDirectory } from '../../shared/fleet/directory.ts'
import { formatMac } from '../../shared/fleet/fields.ts'
import { decodeKey, readFleetRow, readKey } from '../../shared/fleet/row.ts'
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import { STATUS } from '../../shared/identity/label.ts'
import type { StateTree } from '../../shared/state-tree/tree.ts'
import type { FullChain } from '../full-node/chain.ts'
import { recordOf } from '../full-node/views.ts'
import { BREATH_EVERY, breathe } from './breathe.ts'
import type { EnrolRow, FleetDoor, FleetEntryRow, RowOutcome } from './door.ts'
import { approveExpected } from './expected.ts'
import { compareTexts, type FleetContent, type FleetEntry, readFleet, writeFleet } from './fleet-file.ts'
import { createFleetLedger, maxVoucherSecondsOf, walletKeysOf } from './fleet-ledger.ts'
import { mintVoucher, textOfVoucher } from './mint-voucher.ts'
import { type PlannedRow, planEnrolment, type RowPlan } from './plan.ts'

const DAY_SECONDS = 86_400

export interface FleetInit {
  readonly dataDir: string
  readonly networkId: Uint8Array
  /** Of this relay, which vouches, approves and signs. */
  readonly deviceId: Uint8Array
  readonly wallet: Signer
  /** Public keys that were this relay's until now: a list signed by one of them is its own, and is signed anew. */
  readonly earlierKeys?: readonly Uint8Array[]
  readonly verifier: SignatureVerifier
  readonly chain: Pick<FullChain, 'state' | 'stateAt' | 'graph'>
  /** ms since the Unix epoch */
  readonly now: () => number
  readonly onDamaged: (sentence: string) => void
}

/** The directory, for its own relay. */
export interface Fleet extends FleetDoor {
  /** Signs the list on disk with the present key, before the one that signed it is gone. */
  signAnew(): Promise<Result<unknown>>
}

/** Opens the relay's private directory. A damaged one does not keep the relay from running: its questions are refused. */
export async function openFleet(init: FleetInit): Promise<Fleet> {
  const { networkId, chain, now } = init
  const ledger = createFleetLedger(networkId)
  const read = await readFleet(init)
  let damage: Rejection<'fleet-damaged'> | undefined
  let fleet: FleetContent = { recoveryKey: undefined, entries: new Map() }
  if (read.ok) fleet = read.value
  else {
    damage = read
    init.onDamaged(read.detail)
  }
  let bySerial: readonly string[] = []
  let byKey = new Map<string, FleetEntry>()
  let writing = false
  index()

  function index(): void {
    bySerial = [...fleet.entries.keys()].sort(compareTexts)
    byKey = new Map()
    for (const entry of fleet.entries.values())
      if (entry.entrance.TAG === 'expected') byKey.set(toHex(entry.entrance.data.walletKey), entry)
  }

  /** One change at a time; the memory follows the file, never the other way round. */
  async function change<Value>(
    work: () => Promise<Result<{ next: FleetContent; value: Value }>>,
  ): Promise<Result<Value>> {
    if (writing) return reject('busy', 'Devices are being enrolled just now; try again when that is done.')
    writing = true
    try {
      const made = await work()
      if (!made.ok) return made
      const written = await writeFleet(init, made.value.next)
      if (!written.ok) return written
      fleet = made.value.next
      index()
      return accept(made.value.value)
    } finally {
      writing = false
    }
  }

  const textOf = (id: Uint8Array | undefined) => id && formatDeviceId(networkId, id)

  async function outcomeOf(plan: RowPlan, state: StateTree): Promise<RowOutcome> {
    if (plan.status === 'refused') return plan
    const { status, entry } = plan
    const deviceId = textOf(ledger.deviceIdOf(state, entry))
    if (deviceId !== undefined || entry.entrance.TAG !== 'voucher') return { status, deviceId }
    return { status, voucher: await textOfVoucher(init, entry.entrance), expires: entry.entrance.data.notAfter }
  }

  /** Seeds of vouchers that are used for good are of no more use. */
  function withoutUsedSeeds(entries: Map<string, FleetEntry>): void {
    const settled = chain.stateAt(chain.graph.settled.node.height)
    if (settled === undefined) return
    for (const entry of entries.values()) {
      const { entrance } = entry
      if (entrance.TAG !== 'voucher' || ledger.deviceIdOf(settled, entry) === undefined) continue
      const { voucherKey } = entrance.data
      entries.set(entry.serial, { ...entry, entrance: { TAG: 'claimed', data: { voucherKey } } })
    }
  }

  function rowOf(entry: FleetEntry, state: StateTree): FleetEntryRow {
    const { serial, name, model, mac, vendor, entrance } = entry
    const deviceId = ledger.deviceIdOf(state, entry)
    const record = deviceId && recordOf(state, deviceId)
    const waiting =
      entrance.TAG === 'expected'
        ? 'expected'
        : entrance.TAG === 'voucher' && entrance.data.notAfter <= now()
          ? 'voucher-expired'
          : 'voucher'
    return {
      serial,
      name,
      model,
      mac: mac === undefined ? '' : formatMac(mac),
      vendor,
      deviceId: textOf(deviceId),
      state: record === undefined ? waiting : record.status === STATUS.retired ? 'retired' : 'registered',
    }
  }

  return {
    async enrol(rows, options) {
      if (damage !== undefined) return damage
      const planned = await planRows(rows)
      if (planned === undefined) return reject('malformed-request', 'One of the rows is not one that was checked.')
      const given = options.recoveryKey === undefined ? undefined : readKey(options.recoveryKey)
      if (given?.ok === false) return reject('malformed-request', `The recovery key is none: ${given.detail}.`)
      const enrolled = await change(async () => {
        const { state } = chain
        const longest = maxVoucherSecondsOf(state)
        if (options.days * DAY_SECONDS > longest)
          return reject(
            'voucher-too-long',
            `This network lets a voucher run for ${Math.floor(longest / DAY_SECONDS)} days at most; say less with --days.`,
          )
        const recoveryKey = given?.value ?? fleet.recoveryKey
        const plans = planEnrolment(planned, {
          fleet,
          now: now(),
          update: options.update,
          registeredKeys: planned.some(({ row }) => row.publicKey) ? await walletKeysOf(state) : new Set(),
          recoveryKey,
        })
        if (plans.some((plan) => plan.status === 'refused' && plan.code === 'recovery-key-needed'))
          return reject(
            'recovery-key-needed',
            'Some rows name a public key but no recovery key, and there is none yet.',
          )
        const entries = new Map(fleet.entries)
        withoutUsedSeeds(entries)
        const outcomes: RowOutcome[] = []
        const notAfter = now() + options.days * DAY_SECONDS * 1_000
        for (const plan of plans) {
          const done = plan.status === 'refused' || !plan.mint ? plan : await withVoucher(plan, notAfter)
          if (done.status !== 'refused' && done.status !== 'kept') entries.set(done.entry.serial, done.entry)
          outcomes.push(await outcomeOf(done, state))
          if (outcomes.length % BREATH_EVERY === 0) await breathe()
        }
        return accept({ next: { recoveryKey, entries }, value: { outcomes, devices: entries.size } })
      })
      return enrolled as Awaited<ReturnType<FleetDoor['enrol']>>
    },

    list(after, limit) {
      if (damage !== undefined) return damage
      const next = after === undefined ? 0 : bySerial.findIndex((serial) => compareTexts(serial, after) > 0)
      const serials = next === -1 ? [] : bySerial.slice(next, next + limit)
      return accept(serials.map((serial) => rowOf(fleet.entries.get(serial) as FleetEntry, chain.state)))
    },

    async exportDirectory() {
      if (damage !== undefined) return damage
      const { state } = chain
      const entries: DirectoryEntry[] = []
      let seen = 0
      for (const entry of fleet.entries.values()) {
        const deviceId = ledger.deviceIdOf(state, entry)
        const { name, model, serial, mac, vendor } = entry
        if (deviceId !== undefined) entries.push({ deviceId, name, model, serial, mac, vendor })
        if (++seen % BREATH_EVERY === 0) await breathe()
      }
      try {
        const content = { networkId, signer: init.deviceId, madeAt: now(), entries }
        return accept({ bytes: await signDirectory(content, init.wallet), devices: entries.length })
      } catch (error) {
        if (!(error instanceof LaresError)) throw error
        return reject('directory-too-large', `The directory cannot be written: ${error.message}.`)
      }
    },

    async remove(serial) {
      if (damage !== undefined) return damage
      const removed = await change(async () => {
        const entries = new Map(fleet.entries)
        if (!entries.delete(serial))
          return reject('unknown-serial', `There is no device with the serial "${serial}" in the directory.`)
        return accept({ next: { recoveryKey: fleet.recoveryKey, entries }, value: null })
      })
      return removed as Awaited<ReturnType<FleetDoor['remove']>>
    },

    async signAnew() {
      // Nothing to sign, or nothing to be made worse.
      if (damage !== undefined || (fleet.entries.size === 0 && fleet.recoveryKey === undefined)) return accept(null)
      return change(async () => accept({ next: fleet, value: null }))
    },

    async expected(walletKey) {
      if (damage !== undefined) return damage
      if (!/^[0-9a-f]{64}$/.test(walletKey))
        return reject('malformed-request', 'Ask with the public key as 64 hexadecimal digits.')
      const entrance = byKey.get(walletKey)?.entrance
      if (entrance?.TAG !== 'expected')
        return reject('not-expected', 'No device with this public key is expected here.')
      return approveExpected({ ...init, state: chain.state }, fromHex(walletKey), entrance.data.recoveryKey)
    },
  }

  async function withVoucher<Plan extends Extract<RowPlan, { mint: boolean }>>(
    plan: Plan,
    notAfter: number,
  ): Promise<Plan> {
    return { ...plan, entry: { ...plan.entry, entrance: await mintVoucher(init, notAfter) } }
  }
}

/** The rows as they were checked; undefined when one was not. */
async function planRows(rows: readonly EnrolRow[]): Promise<PlannedRow[] | undefined> {
  const planned: PlannedRow[] = []
  for (const { vendor, ...fields } of rows) {
    // Whether a key is a point was looked at where the file was read.
    const read = readFleetRow(fields, decodeKey)
    if (!read.ok) return undefined
    planned.push({ row: read.value, vendor })
    if (planned.length % BREATH_EVERY === 0) await breathe()
  }
  return planned
}
