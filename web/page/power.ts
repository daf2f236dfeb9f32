import { POWER } from '../../shared/admission/hardware.ts'

/** Battery Status API (W3C); only some browsers have it, and only on pages. */
interface Battery {
  readonly charging: boolean
  readonly level: number
  readonly chargingTime: number
}

/** What feeds this device, as far as the browser says: one without a battery reports a full one that is never used up. */
export async function readPower(
  parts: { readonly getBattery?: () => Promise<Battery> } = navigator as Navigator & {
    readonly getBattery?: () => Promise<Battery>
  },
): Promise<(typeof POWER)[keyof typeof POWER]> {
  const battery = await parts.getBattery?.().catch(() => undefined)
  if (battery === undefined) return POWER.unknown
  return battery.charging && battery.level === 1 && battery.chargingTime === 0 ? POWER.mains : POWER.battery
}
