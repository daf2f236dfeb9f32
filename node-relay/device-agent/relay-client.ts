import { LaresError } from '../../shared/errors.ts'

/** Without a held request, ms. */
const TIMEOUT_MS = 15_000
/** Answers of the profile have a few hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERT_/

/** A relay as a device asks it: fetch, and nothing else. */
export interface RelayClient {
  /** `http://host:port` */
  readonly origin: string
  /** @throws {LaresError} `relay-unreachable`, `relay-untrusted`, or the relay's own code and sentence */
  get<Answer>(path: string, options?: RequestOptions): Promise<Answer>
  post<Answer>(path: string, bytes: Uint8Array, options?: RequestOptions): Promise<Answer>
}

export interface RequestOptions {
  /** How long the relay was asked to hold the request open, ms. */
  readonly heldMs?: number
  readonly signal?: AbortSignal
}

/** @throws {LaresError} `usage` when the text is no address of a relay */
export function createRelayClient(address: string): RelayClient {
  const origin = originOf(address)

  async function ask<Answer>(
    path: string,
    { heldMs = 0, signal }: RequestOptions,
    bytes?: Uint8Array,
  ): Promise<Answer> {
    const deadline = AbortSignal.timeout(TIMEOUT_MS + heldMs)
    const post =
      bytes === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: Uint8Array.from(bytes) }
    let status: number
    let text: string
    try {
      const response = await fetch(origin + path, {
        ...post,
        redirect: 'error',
        signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
      })
      status = response.status
      text = await readText(response)
    } catch (error) {
      throw unreachable(origin, error)
    }
    let answer: (Answer & { readonly code?: unknown; readonly sentence?: unknown }) | undefined
    try {
      answer = JSON.parse(text) as typeof answer
    } catch {
      answer = undefined
    }
    if (typeof answer !== 'object' || answer === null)
      throw new LaresError('not-a-relay', `What answers at ${origin} is not a Lares relay; check --relay.`)
    if (status < 300) return answer
    const { code, sentence } = answer
    throw new LaresError(
      typeof code === 'string' ? code : 'internal',
      typeof sentence === 'string' ? sentence : `The relay answers with status ${status}.`,
    )
  }

  return {
    origin,
    get: (path, options = {}) => ask(path, options),
    post: (path, bytes, options = {}) => ask(path, options, bytes),
  }
}

function originOf(address: string): string {
  const text = /^[a-z]+:\/\//i.test(address) ? address : `http://${address}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.username !== '')
    throw new LaresError(
      'usage',
      `--relay must be the address of a relay, like http://192.168.1.2:4670, not "${address}".`,
    )
  return url.origin
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unreachable(origin: string, error: unknown): LaresError {
  const { cause } = error as { cause?: { code?: unknown } }
  if (UNTRUSTED.test(String(cause?.code)))
    return new LaresError(
      'relay-untrusted',
      `The certificate of ${origin} is not trusted here. Use http:// instead: every message is signed. Or name the relay's lares-ca.crt in NODE_EXTRA_CA_CERTS.`,
      { cause: error },
    )
  return new LaresError('relay-unreachable', `No relay answers at ${origin}; check --relay and the network.`, {
    cause: error,
  })
}
