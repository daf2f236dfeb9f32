import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Probation } from '../../shared/admission/full-admission.ts'
import { type FullApplication, fullApplicationCodec } from '../../shared/admission/full-application.ts'
import { equalBytes, fromHex, toHex } from '../../shared/bytes.ts'
import { LaresError } from '../../shared/errors.ts'
import { writeFileAtomic } from '../atomic-file.ts'

const FILE = 'full-examinations.json'

export interface KeptApplicant {
  readonly application: FullApplication
  readonly probation: Probation
  /** In which it last applied. */
  readonly heardEpoch: number
}

export interface KeptVouch {
  /** Hex. */
  readonly deviceId: string
  readonly epoch: number
}

/** What an examiner must not forget when it is started again. */
export interface Examinations {
  readonly applicants: readonly KeptApplicant[]
  readonly vouches: readonly KeptVouch[]
}

export interface ExaminationsFile {
  /** Nothing where there is none; also when it cannot be read: then every probation begins anew. */
  read(): Examinations
  write(examinations: Examinations): void
}

export function openExaminationsFile(
  dataDir: string,
  networkId: Uint8Array,
  log: (message: string, error?: unknown) => void,
): ExaminationsFile {
  const path = join(dataDir, FILE)
  return {
    read() {
      try {
        return parse(readFileSync(path, 'utf8'), networkId)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          log(`${FILE} cannot be used: examinations begin anew`, error)
        return { applicants: [], vouches: [] }
      }
    },
    write({ applicants, vouches }) {
      const kept = applicants.map(({ application, ...rest }) => ({
        ...{ application: toHex(fullApplicationCodec.encode(application)), ...rest },
      }))
      try {
        writeFileAtomic(path, JSON.stringify({ version: 1, networkId: toHex(networkId), applicants: kept, vouches }))
      } catch (error) {
        // A full disk stops mining and says so; an examination that is lost is made again.
        log(`${FILE} could not be written`, error)
      }
    },
  }
}

/** @throws on what this relay has not written */
function parse(text: string, networkId: Uint8Array): Examinations {
  const file = JSON.parse(text) as { version: number; networkId: string; applicants: unknown[]; vouches: unknown[] }
  if (file.version !== 1 || file.networkId !== toHex(networkId)) throw damaged('another version or network')
  return {
    applicants: file.applicants.map((one) => {
      const { application: hex, probation, heardEpoch } = one as KeptApplicant & { application: unknown }
      const application = fullApplicationCodec.decode(fromHex(String(hex)))
      if (!application.ok || !equalBytes(application.value.networkId, networkId)) throw damaged('an application')
      const { epoch, asked, passed, isWhole, goodEpochs } = probation
      if (
        ![epoch, asked, passed, goodEpochs, heardEpoch].every(isCount) ||
        passed > asked ||
        typeof isWhole !== 'boolean'
      )
        throw damaged('a probation')
      const kept = { epoch, asked, passed, isWhole, goodEpochs }
      return { application: application.value, probation: kept, heardEpoch }
    }),
    vouches: file.vouches.map((one) => {
      const { deviceId, epoch } = one as KeptVouch
      if (!/^[0-9a-f]{64}$/.test(deviceId) || !isCount(epoch)) throw damaged('a vouch')
      return { deviceId, epoch }
    }),
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function damaged(what: string): LaresError {
  return new LaresError('file-damaged', what)
}
