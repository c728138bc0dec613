/** Who is signed in, as `GET /console/session` answers. `environment` binds a key to one; null: all. */
export type ConsoleSession = {
  readonly name: string
  readonly role: 'viewer' | 'editor' | 'admin'
  readonly environment: { readonly project: string; readonly environment: string } | null
}
