/**
 * An error with a stable, kebab-case code. The code is the contract (peers, HTTP clients and tests
 * match on it); the message is for people and may change.
 */
export class LaresError<Code extends string = string> extends Error {
  readonly code: Code

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LaresError'
    this.code = code
  }
}

/** Outcome of a check that may fail on foreign input: never thrown, always handled. */
export type Verdict<Code extends string = string> = { readonly ok: true } | Rejection<Code>

export interface Rejection<Code extends string = string> {
  readonly ok: false
  readonly code: Code
  /** What was wrong, for logs and people. */
  readonly detail: string
}

/** Outcome that carries a value when it is good. */
export type Result<Value, Code extends string = string> = { readonly ok: true; readonly value: Value } | Rejection<Code>

export const ACCEPT: Verdict<never> = { ok: true }

export function accept<Value>(value: Value): Result<Value, never> {
  return { ok: true, value }
}

export function reject<Code extends string>(code: Code, detail: string): Rejection<Code> {
  return { ok: false, code, detail }
}
