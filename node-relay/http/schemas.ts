/**
 * JSON Schemas of what goes over HTTP. The answers are serialized by them, so a field that is not described here never
 * leaves the relay, and the OpenAPI description cannot drift from the routes.
 */
export const HASH = { type: 'string', pattern: '^[0-9a-f]{64}$', description: '32 bytes, lower-case hex' } as const
const HEIGHT = { type: 'integer', minimum: 0 } as const
export const TIME = { type: 'integer', minimum: 0, description: 'ms since the Unix epoch' } as const
export const COUNT = { type: 'integer', minimum: 0 } as const
export const BASE64URL = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]*$',
  description: 'base64url without padding',
} as const
export const DEVICE_ID = { type: 'string', description: 'LARES1…, upper-case bech32m, 70 characters' } as const

export interface JsonSchema {
  readonly [keyword: string]: unknown
}

export function object(properties: Record<string, JsonSchema>, optional: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}

export const list = (items: JsonSchema) => ({ type: 'array', items }) as const

export const errorSchema = object({
  code: { type: 'string', description: 'stable, kebab-case' },
  sentence: { type: 'string', description: 'for people; may change' },
})

/** Public status: how many peers there are, not who and where. Addresses are told over the admin socket alone. */
export const statusSchema = object(
  {
    networkId: HASH,
    deviceId: DEVICE_ID,
    roles: list({ type: 'string', enum: ['full', 'coordination'] }),
    version: { type: 'string' },
    startedAt: TIME,
    tip: object({ height: HEIGHT, hash: HASH, time: TIME }),
    settled: object({ height: HEIGHT, hash: HASH, time: TIME, keepersSeen: COUNT, keepers: COUNT }),
    work: { type: 'string', pattern: '^[0-9]+$', description: 'summed work, decimal' },
    mining: object({
      state: { type: 'string', enum: ['mining', 'stopped'] },
      sentence: { type: 'string' },
      hashesPerSecond: { type: 'number' },
      share: { type: 'number' },
    }),
    peerCount: COUNT,
    pendingTransactions: COUNT,
    devices: COUNT,
    devicesAlive: { ...COUNT, description: 'those with a lease that has not ended' },
  },
  ['deviceId'],
)

export const joinSchema = object({
  networkId: HASH,
  name: { type: 'string' },
  checkpoint: object({ height: HEIGHT, hash: HASH }),
  addresses: list({ type: 'string', description: 'libp2p multiaddr, best first' }),
  link: { type: 'string', description: 'what follows "#join=" in a join link' },
})

export const blocksSchema = object({
  blocks: list(
    object({ height: HEIGHT, hash: HASH, bytes: { ...BASE64URL, description: 'encoded block, base64url' } }),
  ),
})

export const deviceRowSchema = object(
  {
    deviceId: DEVICE_ID,
    did: { type: 'string' },
    label: { type: 'string' },
    assurance: { type: 'string', enum: ['A1', 'A2'] },
    status: { type: 'string', enum: ['active', 'retired'] },
    trust: { type: 'integer', minimum: 0, maximum: 1000 },
    registeredHeight: HEIGHT,
    registeredTime: TIME,
    sponsor: DEVICE_ID,
    walletKey: HASH,
  },
  ['sponsor'],
)

export const deviceSchema = object(
  {
    deviceId: DEVICE_ID,
    state: { type: 'string', enum: ['registered', 'retired', 'not-in-ledger'] },
    pending: { type: 'boolean', description: 'in the tip, not yet in the settled state' },
    record: deviceRowSchema,
    bundle: {
      ...BASE64URL,
      description: 'self-contained proof, base64url; verify it, the rest of the answer proves nothing',
    },
  },
  ['record'],
)

export const expectedSchema = object({
  deviceId: DEVICE_ID,
  application: {
    ...BASE64URL,
    description: 'claim || evidence of a register transaction, base64url: sign it with your key',
  },
  notAfter: TIME,
})

export const transactionBodySchema = object({
  transaction: { ...BASE64URL, description: 'encoded transaction, base64url' },
})
export const transactionAnswerSchema = object({ transactionId: HASH })
export const healthSchema = object({ ok: { type: 'boolean', const: true } })
