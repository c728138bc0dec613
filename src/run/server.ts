export type Fetch = (request: Request) => Response | Promise<Response>
export type ListenOptions = {
  readonly fetch: Fetch
  readonly host: string
  readonly port: number
  readonly bodyBytesMax: number
}
export type Server = {
  /** The port that was got: another than the one asked for when that was 0. */
  readonly port: number
  /**
   * Stops accepting, lets open requests finish, closes idle connections and resolves when the last connection is gone.
   * Cuts those that are left when `late` aborts: one client that never ends must not hold up what comes after.
   */
  close(late?: AbortSignal): Promise<void>
}
