import 'reflect-metadata'
import { KeyUsageFlags } from '@peculiar/x509'
import { ACCEPT, accept, type Result, reject, type Verdict } from '../../shared/errors.ts'
import type { Certificate } from './certificate.ts'
import { type MatterIds, readMatterIds } from './matter-ids.ts'
import { signatureAlgorithm } from './signed.ts'

type MatterCode = 'matter-profile' | 'vendor-id' | 'product-id' | 'vendor-mismatch' | 'product-mismatch' | 'key-usage'

const ECDSA_SHA256 = '1.2.840.10045.4.3.2'
const { digitalSignature, keyCertSign, cRLSign } = KeyUsageFlags

/** Device, product and root certificate: what section 6.2.2 of the Matter specification fixes for each. */
const ROLES = {
  DAC: { ca: false, pathLengths: [undefined], usages: [digitalSignature], authorityKeyId: true },
  PAI: { ca: true, pathLengths: [0], usages: signingAnd(), authorityKeyId: true },
  PAA: { ca: true, pathLengths: [1, undefined], usages: signingAnd(), authorityKeyId: false },
} as const

/** The two duties of an authority, with or without signing anything else. */
function signingAnd(): readonly number[] {
  return [keyCertSign | cRLSign, keyCertSign | cRLSign | digitalSignature]
}

/**
 * What Matter asks of a path beyond RFC 5280. Key types are checked with the path.
 * @param path DAC and PAI
 * @returns the IDs of the device's own certificate
 */
export function validateMatter(path: readonly Certificate[], anchor: Certificate): Result<MatterIds, MatterCode> {
  const [dac, pai, ...more] = path
  if (dac === undefined || pai === undefined || more.length > 0)
    return reject('matter-profile', 'a chain is a DAC, a PAI and a trusted PAA, not more and not less')
  for (const [role, certificate] of [
    ['DAC', dac],
    ['PAI', pai],
    ['PAA', anchor],
  ] as const) {
    const verdict = validateRole(role, certificate)
    if (!verdict.ok) return verdict
  }
  return agreeOnIds(dac, pai, anchor)
}

function validateRole(role: keyof typeof ROLES, certificate: Certificate): Verdict<'matter-profile' | 'key-usage'> {
  const { ca, pathLengths, usages, authorityKeyId } = ROLES[role]
  const { basicConstraints, keyUsage } = certificate
  if (signatureAlgorithm(certificate.signed) !== ECDSA_SHA256)
    return reject('matter-profile', `the ${role} is not signed by ECDSA with SHA-256`)
  if (basicConstraints?.critical !== true || basicConstraints.ca !== ca)
    return reject('matter-profile', `the ${role} must say, as critical, that it is ${ca ? 'an' : 'no'} authority`)
  if (!pathLengths.some((length) => length === basicConstraints.pathLength))
    return reject('matter-profile', `the ${role} has path length ${basicConstraints.pathLength ?? 'none'}`)
  if (keyUsage?.critical !== true || !usages.some((one) => one === keyUsage.usages))
    return reject('key-usage', `the ${role} must name, as critical, exactly the uses of its role`)
  if (certificate.subjectKeyId === undefined || (authorityKeyId && certificate.authorityKeyId === undefined))
    return reject('matter-profile', `the ${role} lacks a key identifier`)
  return ACCEPT
}

/** Section 6.2.2.2: one vendor in all of them, one product where it is named. */
function agreeOnIds(dac: Certificate, pai: Certificate, paa: Certificate): Result<MatterIds, MatterCode> {
  const device = readMatterIds(dac.subject)
  if (!device.ok) return device
  const product = readMatterIds(pai.subject)
  if (!product.ok) return product
  const root = readMatterIds(paa.subject)
  if (!root.ok) return root
  if (device.value.vendorId === undefined) return reject('vendor-id', 'the DAC has none')
  if (device.value.productId === undefined) return reject('product-id', 'the DAC has none')
  if (product.value.vendorId === undefined) return reject('vendor-id', 'the PAI has none')
  if (root.value.productId !== undefined) return reject('product-id', 'the PAA must not have one')
  const { vendorId, productId } = device.value
  if (product.value.vendorId !== vendorId)
    return reject('vendor-mismatch', `the DAC says ${vendorId}, the PAI ${product.value.vendorId}`)
  if (root.value.vendorId !== undefined && root.value.vendorId !== vendorId)
    return reject('vendor-mismatch', `the DAC says ${vendorId}, the PAA ${root.value.vendorId}`)
  if (product.value.productId !== undefined && product.value.productId !== productId)
    return reject('product-mismatch', `the DAC says ${productId}, the PAI ${product.value.productId}`)
  return accept(device.value)
}
