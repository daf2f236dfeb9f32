import { accept, type Result, reject } from '../../shared/errors.ts'
import type { CertificateName } from './name.ts'

/** Four upper-case hex digits each. */
export interface MatterIds {
  readonly vendorId: string | undefined
  readonly productId: string | undefined
}

const VENDOR_OID = '1.3.6.1.4.1.37244.2.1'
const PRODUCT_OID = '1.3.6.1.4.1.37244.2.2'
const COMMON_NAME_OID = '2.5.4.3'
const VENDOR_PREFIX = 'Mvid:'
const PRODUCT_PREFIX = 'Mpid:'

/** Whether a name carries an ID of Matter in either encoding: then the Matter profile applies, well-formed or not. */
export function namesMatter(name: CertificateName): boolean {
  return (
    hasAttributes(name) ||
    name.values(COMMON_NAME_OID).some((text) => text.includes(VENDOR_PREFIX) || text.includes(PRODUCT_PREFIX))
  )
}

/**
 * Vendor and product ID of a name (Matter, section 6.2.2.2): attributes of their own, or, where there are none of
 * either, `Mvid:` and `Mpid:` anywhere in the common name, in any order and without separators.
 */
export function readMatterIds(name: CertificateName): Result<MatterIds, 'vendor-id' | 'product-id'> {
  const commonNames = name.values(COMMON_NAME_OID)
  const read = (oid: string, prefix: string) =>
    hasAttributes(name)
      ? name.values(oid)
      : commonNames.flatMap((text) => text.split(prefix).slice(1)).map((rest) => rest.slice(0, 4))
  const vendor = read(VENDOR_OID, VENDOR_PREFIX)
  const product = read(PRODUCT_OID, PRODUCT_PREFIX)
  if (!isOneAtMost(vendor)) return reject('vendor-id', `${name.text} has none or several that are well-formed`)
  if (!isOneAtMost(product)) return reject('product-id', `${name.text} has none or several that are well-formed`)
  return accept({ vendorId: vendor[0], productId: product[0] })
}

function hasAttributes(name: CertificateName): boolean {
  return name.values(VENDOR_OID).length > 0 || name.values(PRODUCT_OID).length > 0
}

function isOneAtMost(values: readonly string[]): boolean {
  return values.length <= 1 && values.every((value) => /^[0-9A-F]{4}$/.test(value))
}
