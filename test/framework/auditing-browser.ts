/** A real Chromium that follows a relay over WebRTC and audits an ID that is not in the ledger, as the product's page does. */
import { formatDeviceId } from '../../shared/identity/device-id.ts'
import type { DutyChange, TimedAudit } from '../bench/browser/messages.ts'
import { openBrowser } from '../bench/figures/chromium.ts'
import { sampleKey } from '../bench/figures/sample-keys.ts'

export interface AuditingBrowser {
  /** One audit, in the page's own time, ms. @throws unless its verdict is that the ID is not in the ledger */
  audit(): Promise<number>
  /** One every so often, of the same ID or a given one, without waiting for those before. */
  auditEvery(everyMs: number, forMs: number, id?: string): Promise<TimedAudit[]>
  /** Joins by a voucher. Resolves with its device ID when that is settled. */
  joinWith(voucher: string): Promise<string>
  /** Who serves it, each time that it changed. */
  duties(): Promise<DutyChange[]>
  close(): Promise<void>
}

const PATIENCE_MS = 60 * 60_000

/** Resolves when it follows the chain and has audited once. */
export async function openAuditingBrowser(joinUrl: string, networkId: Uint8Array): Promise<AuditingBrowser> {
  const browser = await openBrowser()
  const absent = formatDeviceId(networkId, sampleKey(0, 'absent'))
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return new Promise((resolve, reject) => {
    const done = browser.withPage(async (page) => {
      // As text: a test runner would rewrite a function for its own modules.
      const bench = `import('/page.js').then(({ benchPage }) => benchPage`
      const transport = await page.evaluate(`${bench}.connect(${JSON.stringify(joinUrl)}))`)
      if (transport !== 'webrtc-direct') throw new Error(`connected over ${transport}`)
      const audit = async () => {
        const [ms] = (await page.evaluate(`${bench}.audits('${absent}', 'not-in-ledger', 1))`)) as [number]
        return ms
      }
      const auditEvery = (everyMs: number, forMs: number, id = absent) =>
        page.evaluate(`${bench}.auditEvery('${id}', ${everyMs}, ${forMs}))`) as Promise<TimedAudit[]>
      const joinWith = (voucher: string) => page.evaluate(`${bench}.joinWith('${voucher}'))`) as Promise<string>
      const duties = () => page.evaluate(`${bench}.duties())`) as Promise<DutyChange[]>
      await audit()
      const close = async () => {
        end()
        await done
        await browser.close()
      }
      resolve({ audit, auditEvery, joinWith, duties, close })
      await ended
    }, PATIENCE_MS)
    done.catch((error: unknown) => void browser.close().then(() => reject(error)))
  })
}
