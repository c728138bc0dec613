/** Who is signed in, as `GET /console/session` answers. `environment` binds a key to one; null: all. */
export type ConsoleSession = {
  /** `trial`: no sign-in is needed. */
  readonly mode: 'key' | 'trial'
  /** The name of the key. */
  readonly name: string
  /** As in the record of changes. */
  readonly actor: string
  readonly role: 'viewer' | 'editor' | 'admin'
  readonly environment: { readonly project: string; readonly environment: string } | null
}
