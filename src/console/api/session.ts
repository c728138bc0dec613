/** Who is signed in, as `GET /console/session` answers where keys are needed. In trial mode no one signs in, and everything is allowed. */
export type ConsoleSession = {
  readonly mode: 'key'
  readonly name: string
  readonly role: 'viewer' | 'editor' | 'admin'
  /** The environment that a key is bound to; null: all. */
  readonly environment: { readonly project: string; readonly environment: string } | null
}

/** URL of the session of this browser. */
export const SESSION = '/console/session'
