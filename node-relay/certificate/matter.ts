import { ACCEPT, type Rejection, reject, type Verdict } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import type { CertificateCode } from './codes.ts'
import { type Path, USAGE } from './path.ts'

/** Matter Core Specification 1.3, section 6.2.2: attributes of a subject, each four upper-case hexadecimal digits. */
const VENDOR_ID = '1.3.6.1.4.1.37244.2.1'
const PRODUCT_ID = '1.3.6.1.4.1.37244.2.2'
const COMMON_NAME = '2.5.4.3'
const HEX = /^[0-9A-F]{4}$/
/** The same within a common name, for issuers that cannot write those attributes; order and what stands between are free. */
const IN_NAME = { vendor: /Mvid:([0-9A-F]{4})/g, product: /Mpid:([0-9A-F]{4})/g } as const

const SIGNATURE = 'ECDSA SHA-256'
const CURVE = 'prime256v1'

export interface MatterIds {
  readonly vendor: string | undefined
  readonly product: string | undefined
}

/** Whether the device's certificate says that it is of Matter. */
export function isMatter(leaf: Certificate): boolean {
  const ids = matterIds(leaf)
  return ids === undefined || ids.vendor !== undefined || ids.product !== undefined
}

/** Vendor and product of a subject, in either encoding; undefined when one is there twice, or is malformed. */
export function matterIds({ subjectValues }: Certificate): MatterIds | undefined {
  const vendors = subjectValues(VENDOR_ID)
  const products = subjectValues(PRODUCT_ID)
  // Attributes win; a name that looks like IDs beside them is only a name.
  if (vendors.length + products.length > 0) {
    if (vendors.length > 1 || products.length > 1 || ![...vendors, ...products].every((id) => HEX.test(id)))
      return undefined
    return { vendor: vendors[0], product: products[0] }
  }
  const names = subjectValues(COMMON_NAME)
  const inNames = (pattern: RegExp) => names.flatMap((name) => [...name.matchAll(pattern)].map(([, id]) => id))
  const [vendor, ...moreVendors] = inNames(IN_NAME.vendor)
  const [product, ...moreProducts] = inNames(IN_NAME.product)
  return moreVendors.length + moreProducts.length > 0 ? undefined : { vendor, product }
}

/** What Matter asks of DAC, PAI and PAA beyond a valid path. */
export function validateMatter(path: Path): Verdict<CertificateCode> {
  const [device, intermediate, root] = path
  if (device === undefined || intermediate === undefined || root === undefined || path.length !== 3)
    return reject('wrong-chain-length', `${path.length} certificates`)
  return (
    validateForm(device, false, undefined) ??
    validateForm(intermediate, true, [0]) ??
    validateForm(root, true, [1, undefined]) ??
    validateIds(device, intermediate, root) ??
    ACCEPT
  )
}

type Found = Rejection<CertificateCode> | undefined

function validateForm(
  certificate: Certificate,
  isAuthority: boolean,
  pathLengths: readonly (number | undefined)[] | undefined,
): Found {
  const { subjectText, basic, usage } = certificate
  const fault = (code: CertificateCode, detail: string) => reject(code, `${subjectText}, ${detail}`)
  if (certificate.version !== 3) return fault('wrong-version', `version ${certificate.version}`)
  if (certificate.key.asymmetricKeyDetails?.namedCurve !== CURVE)
    return fault('wrong-curve', 'Matter knows P-256 alone')
  if (certificate.signatureAlgorithm !== SIGNATURE)
    return fault('wrong-algorithm', 'Matter knows ECDSA with SHA-256 alone')
  if (basic === undefined || !basic.isCritical || basic.ca !== isAuthority)
    return fault(isAuthority ? 'not-a-ca' : 'leaf-is-a-ca', 'basic constraints')
  if (pathLengths !== undefined && !pathLengths.includes(basic.pathLength)) return fault('path-too-long', 'path length')
  const needed = isAuthority ? USAGE.keyCertSign | USAGE.cRLSign : USAGE.digitalSignature
  const allowed = needed | (isAuthority ? USAGE.digitalSignature : 0)
  if (usage === undefined || !usage.isCritical || (usage.flags & needed) !== needed || (usage.flags & ~allowed) !== 0)
    return fault('wrong-key-usage', 'key usage')
  if (
    certificate.keyId === undefined ||
    (certificate.issuerKeyId === undefined && certificate.subject !== certificate.issuer)
  )
    return fault('wrong-key-identifier', 'a key identifier is missing')
  return undefined
}

function validateIds(device: Certificate, intermediate: Certificate, root: Certificate): Found {
  const [own, above, top] = [matterIds(device), matterIds(intermediate), matterIds(root)]
  if (own?.vendor === undefined || above?.vendor === undefined || top === undefined)
    return reject('wrong-vendor', 'a vendor ID is missing, malformed, or there twice')
  if (own.vendor !== above.vendor) return reject('wrong-vendor', `${own.vendor} under ${above.vendor}`)
  if (top.vendor !== undefined && top.vendor !== above.vendor)
    return reject('wrong-vendor', `${above.vendor} under ${top.vendor}`)
  if (own.product === undefined || top.product !== undefined)
    return reject('wrong-product', 'the device has none, or the root has one')
  if (above.product !== undefined && above.product !== own.product)
    return reject('wrong-product', `${own.product} under ${above.product}`)
  return undefined
}
