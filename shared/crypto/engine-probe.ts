import { fromHex } from '../bytes.ts'
import type { SignatureCheck } from './signature-verifier.ts'

interface Probe extends SignatureCheck {
  readonly verdict: boolean
}

function probe(verdict: boolean, publicKey: string, message: string, signature: string): Probe {
  return { verdict, publicKey: fromHex(publicKey), message: fromHex(message), signature: fromHex(signature) }
}

/**
 * Six signatures that pass the shared rules and on which readings of RFC 8032 differ. An engine that clears the
 * cofactor accepts the third, fourth and sixth; one that insists on keys of prime order refuses the second and fifth.
 */
const PROBES: readonly Probe[] = [
  // No torsion.
  probe(
    true,
    '51b82ad83c71e0d3bc38798820fc77656c0f2b4e4ccd437b9585cf7acc8de2df',
    '475b060ccb52871058cc0acadf826921826ffe2e25b699a85b9d6e4d0852392b',
    '247626f8c603081aecd25a6e1db420cb28531e88e718679fd68ec73aaf1bebb97a5d120bd7c63c70f1ae56d0817f75ef9eddc50fd28859e6ec744a3878fb6a0d',
  ),
  // Torsion in A that h cancels.
  probe(
    true,
    'ff2f629284c8103a5ff0ec8453a229448ab285a7dfdc85a8c1c299d4358790b5',
    '87bc5bebafa004138a489e5782d4594d8d10b443d88875cf4522960a32d94ce0',
    '20278d1991400f1ea52551d5327b165c7de73b8c876a196d9a28de7e8ba09b247c2e4d0a3c322e82d217159f0b625eccb419b750ecdf8ae967210698390d3507',
  ),
  // Torsion in A that stays.
  probe(
    false,
    '124c32a8b4b435d962aa1b863ba0c60db896c59bbe99388d0bc21e114bb0a768',
    '7e686fd4194a6516650c2ab9317680f9184bdfc85f1efa0d59a1fdb44b574f3c',
    'a1474413bc55906ef01bbd7df4b1a3d6316f3c4823f71f98d50535a166717b40107162c4a995f8242618a134d6e8c6775c08aa6f41713e980256e7dc15c71302',
  ),
  // Torsion in R.
  probe(
    false,
    '83b0976195a953c0ae4d6def4dfc8ca71ccc1275f76b0601090f6a8c91d6a702',
    'f750525f332f69cc7f30ded154c188352eebe98823d5bf021a57a2aa7e90711d',
    '57ead3ce2de2c40672b87e177f0b7a484ba965b0f530b9864bf460c4e944872fc8a44001605c0415b72ca5b7a0fcfe4066b081d1b9d9153ccd144951c2c4aa08',
  ),
  // Torsion in A and in R that cancel each other.
  probe(
    true,
    '4810ddd23b7f99d0804dca82c1d876e03db2850914ff0e7ea0412f12e16af009',
    '95a2cb2e9dd7ada72f14c92710eaa357f93e4bd3002f7aa5ae91651aff6cdf05',
    'e014abc6ed95afbfc6a5734951e8688eaff61f08201f34ea3ffc15fc6cc1745daf909d7872d6906ec4dda62f6275bc7be85f4ed0d0a1c7a9b807585ab45c4109',
  ),
  // Torsion in A and in R that do not.
  probe(
    false,
    'f7a9b072c9d1076af128f2f2ff468796af928303a56ce8ece857148e5b096645',
    '9eddc486b6dfcc990ff86ce4fa04603dd5e3e2e88a4c9d8ef9fb730ff42a29c9',
    'e78630ea5ce658da6bc653b6738502413c876c4fd7069865668091354c671e8c2da3e06b8b763bda6c4e6526a4c68c12cc6c03117ffcc05f398ed535f9f8bb05',
  ),
]

/** Whether an engine may judge signatures that passed the shared rules. One that throws may not. */
export function engineFollowsRules(verify: (check: SignatureCheck) => boolean): boolean {
  try {
    return PROBES.every((check) => verify(check) === check.verdict)
  } catch {
    return false
  }
}

/** {@link engineFollowsRules} for an engine that answers later. */
export async function engineFollowsRulesAsync(verify: (check: SignatureCheck) => Promise<boolean>): Promise<boolean> {
  try {
    const verdicts = await Promise.all(PROBES.map(verify))
    return verdicts.every((verdict, i) => verdict === PROBES[i]?.verdict)
  } catch {
    return false
  }
}
