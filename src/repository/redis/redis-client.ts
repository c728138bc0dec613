/** Runs a command in Redis; rejects when Redis refuses it, or does not answer in time. */
export type Send = (command: readonly string[]) => Promise<unknown>

/** A server that speaks Redis's own protocol. */
export type RedisServer = {
  /** A name or an IP address, without brackets. With TLS, its certificate must be of it. */
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Undefined: the default user. */
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
}
/** One connection. It does not come back when it ends. */
export type RedisClient = {
  /** Resolves when commands may be sent; rejects when there is no connection, or the server refuses user and password. */
  readonly ready: Promise<void>
  /** Rejects when the server refuses the command, or the connection ends before the reply. */
  send(command: readonly string[]): Promise<unknown>
  destroy(): void
}
