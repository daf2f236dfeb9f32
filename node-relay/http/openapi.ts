import { DEFAULT_BLOCKS_LIMIT, MAX_BLOCKS_LIMIT, MAX_BODY_BYTES } from './limits.ts'
import {
  blocksSchema,
  deviceSchema,
  errorSchema,
  healthSchema,
  type JsonSchema,
  joinSchema,
  statusSchema,
  transactionAnswerSchema,
  transactionBodySchema,
} from './schemas.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: 'path' | 'query'
    readonly required: boolean
    readonly schema: JsonSchema
  }[]
  readonly requestBody?: {
    readonly required: true
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>
  }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>
}

interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly summary: string }
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<'get' | 'post', Operation>>>>>
}

const json = (schema: JsonSchema) => ({ 'application/json': { schema } })
const good = (description: string, schema: JsonSchema) => ({ description, content: json(schema) })
const refusal = (description: string) => ({ description, content: json(errorSchema) })
const TOO_MANY = refusal('Too many requests from this address (Retry-After says how long to wait)')
const NOT_READY = refusal('The relay is still starting')

/** The HTTP interface (OpenAPI 3.1). Served at `/api/v1/openapi.json`; every route of routes.ts is in it. */
export const OPENAPI: OpenApi = {
  openapi: '3.1.0',
  info: {
    title: 'Lares relay',
    version: '1',
    summary:
      'Read the ledger and hand in signed transactions. Nothing here needs or gives authority: verify what you get.',
  },
  paths: {
    '/healthz': {
      get: {
        operationId: 'health',
        summary: 'The process answers',
        responses: { 200: good('It does', healthSchema), 429: TOO_MANY },
      },
    },
    '/api/v1/openapi.json': {
      get: {
        operationId: 'description',
        summary: 'This description',
        responses: { 200: good('OpenAPI 3.1', { type: 'object' }), 429: TOO_MANY },
      },
    },
    '/api/v1/status': {
      get: {
        operationId: 'status',
        summary: 'Tip, settled header, mining, counts',
        responses: { 200: good('Status', statusSchema), 429: TOO_MANY },
      },
    },
    '/api/v1/join': {
      get: {
        operationId: 'join',
        summary: 'What a newcomer needs: network ID, a settled checkpoint, addresses',
        responses: { 200: good('Join information', joinSchema), 429: TOO_MANY },
      },
    },
    '/api/v1/blocks': {
      get: {
        operationId: 'blocks',
        summary: 'Encoded blocks of the best chain from a height on',
        parameters: [
          {
            name: 'from',
            in: 'query',
            required: true,
            schema: { type: 'integer', minimum: 0, maximum: 4_294_967_295 },
          },
          {
            name: 'limit',
            in: 'query',
            required: false,
            schema: { type: 'integer', minimum: 1, maximum: MAX_BLOCKS_LIMIT, default: DEFAULT_BLOCKS_LIMIT },
          },
        ],
        responses: {
          200: good('Blocks, fewer than asked when they are large', blocksSchema),
          400: refusal('Bad query'),
          429: TOO_MANY,
        },
      },
    },
    '/api/v1/devices/{id}': {
      get: {
        operationId: 'device',
        summary: 'Whether a device ID is in the ledger, with a proof for or against it',
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string', maxLength: 128 } }],
        responses: {
          200: good('The answer and its proof bundle', deviceSchema),
          400: refusal('Not a device ID'),
          404: refusal('An ID of another network'),
          429: TOO_MANY,
          503: NOT_READY,
        },
      },
    },
    '/api/v1/transactions': {
      post: {
        operationId: 'submit',
        summary: 'Hand in a signed transaction',
        requestBody: {
          required: true,
          content: {
            'application/octet-stream': {
              schema: { type: 'string', contentMediaType: 'application/octet-stream', maxLength: MAX_BODY_BYTES },
            },
            'application/json': { schema: transactionBodySchema },
          },
        },
        responses: {
          202: good('Taken and passed on; it counts once its block is settled', transactionAnswerSchema),
          400: refusal('Not a transaction'),
          413: refusal('Larger than any transaction'),
          422: refusal('Refused; the code says why'),
          429: TOO_MANY,
          503: NOT_READY,
        },
      },
    },
  },
}
