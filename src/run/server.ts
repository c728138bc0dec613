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
  /** Stops accepting, lets open requests finish, closes idle connections and resolves when the last connection is gone. */
  close(): Promise<void>
}
