/** What went wrong, in words every door can translate. Add a code here and no door's table compiles until it maps it. */
export type Code =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'stale'
  | 'too_large'
  | 'unavailable'

/** One mistake in a document: where, as a JSON Pointer (RFC 6901), and what. */
export type Mistake = { readonly pointer: string; readonly message: string }

/** An expected failure. `message` and `mistakes` are shown to the caller; `cause` is only ever logged. */
export class FlagError extends Error {
  override readonly name = 'FlagError'
  readonly code: Code
  readonly mistakes: readonly Mistake[]

  constructor(code: Code, message: string, details: { cause?: unknown; mistakes?: readonly Mistake[] } = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.mistakes = details.mistakes ?? []
  }
}
