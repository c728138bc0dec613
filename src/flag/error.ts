/** What failed, independent of any protocol. Each protocol has a table that must map every code to compile. */
export type Code =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'in_use'
  | 'managed'
  | 'needs_merge'
  | 'stale'
  | 'too_large'
  | 'unavailable'

/** One mistake in a document: its place, as a JSON Pointer (RFC 6901), and a message. */
export type Mistake = { readonly pointer: string; readonly message: string }

type FlagErrorDetails = {
  readonly cause?: unknown
  readonly mistakes?: readonly Mistake[]
  readonly members?: Readonly<Record<string, unknown>>
}

/** An expected failure. The caller sees `message`, `mistakes` and, over HTTP, `members`; `cause` is only logged. */
export class FlagError extends Error {
  override readonly name = 'FlagError'
  readonly code: Code
  readonly mistakes: readonly Mistake[]
  /** Further members of a problem document. */
  readonly members: Readonly<Record<string, unknown>>

  constructor(code: Code, message: string, details: FlagErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.mistakes = details.mistakes ?? []
    this.members = details.members ?? {}
  }
}

/** The JSON Pointer (RFC 6901) of a place in a document; '' for the document itself. */
export function pointerTo(...steps: readonly string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

const LENGTH_MAX = 60

/** `value` as JSON text for a message, truncated to 60 characters. Lists and objects are only named. */
export function shorten(value: unknown): string {
  if (typeof value === 'string') return truncate(JSON.stringify(value.slice(0, LENGTH_MAX)))
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  return truncate(String(value))
}

/** A text truncated to 60 characters. */
export function truncate(text: string): string {
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX - 1)}…` : text
}
