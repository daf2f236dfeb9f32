import { DEVICE_PATHS, JOIN_OPERATION } from './device-openapi.ts'
import { DEFAULT_BLOCKS_LIMIT, MAX_BLOCKS_LIMIT, MAX_BODY_BYTES } from './limits.ts'
import { bytesOrJson, good, NOT_READY, type OpenApi, refusal, TOO_MANY } from './openapi-parts.ts'
import {
  blocksSchema,
  deviceSchema,
  expectedSchema,
  healthSchema,
  joinSchema,
  statusSchema,
  transactionAnswerSchema,
  transactionBodySchema,
} from './schemas.ts'

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
      post: JOIN_OPERATION,
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
          503: refusal('Others are reading blocks; ask again'),
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
    '/api/v1/expected/{key}': {
      get: {
        operationId: 'expected',
        summary: 'What a device whose public key the operator has enrolled must sign to come in',
        parameters: [
          { name: 'key', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9a-f]{64}$' } },
        ],
        responses: {
          200: good('The registration as the operator approves it', expectedSchema),
          400: refusal('Not a public key'),
          404: refusal('No device with this key is expected'),
          422: refusal('The device is in the ledger already'),
          429: TOO_MANY,
          503: NOT_READY,
        },
      },
    },
    '/api/v1/transactions': {
      post: {
        operationId: 'submit',
        summary: 'Hand in a signed transaction',
        requestBody: bytesOrJson(MAX_BODY_BYTES, transactionBodySchema),
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
    ...DEVICE_PATHS,
  },
}
