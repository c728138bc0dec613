/** Who is signed in, as `GET /console/session` answers. */
export type ConsoleSession = {
  /** `trial`: no one signs in, and everything is allowed. */
  readonly mode: 'trial' | 'key'
  readonly name: string
  readonly role: 'viewer' | 'editor' | 'admin'
  /** The environment that a key is bound to; null: all. */
  readonly environment: { readonly project: string; readonly environment: string } | null
}
