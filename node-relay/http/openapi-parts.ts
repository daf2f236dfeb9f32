import { errorSchema, type JsonSchema } from './schemas.ts'

export interface Operation {
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

export type Paths = Readonly<Record<string, Readonly<Partial<Record<'get' | 'post', Operation>>>>>

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly summary: string }
  readonly paths: Paths
}

const json = (schema: JsonSchema) => ({ 'application/json': { schema } })
export const good = (description: string, schema: JsonSchema) => ({ description, content: json(schema) })
export const refusal = (description: string) => ({ description, content: json(errorSchema) })

export const TOO_MANY = refusal('Too many requests from this address (Retry-After says how long to wait)')
export const NOT_READY = refusal('The relay is still starting')

/** A body that comes as it is, or as JSON with the same bytes as text. */
export function bytesOrJson(maxLength: number, jsonSchema: JsonSchema): NonNullable<Operation['requestBody']> {
  return {
    required: true,
    content: {
      'application/octet-stream': {
        schema: { type: 'string', contentMediaType: 'application/octet-stream', maxLength },
      },
      'application/json': { schema: jsonSchema },
    },
  }
}
