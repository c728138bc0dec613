/** Runs a command in Redis; rejects when Redis refuses it, or does not answer in time. */
export type SendCommand = (command: readonly string[]) => Promise<unknown>

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
/** A database of Upstash, over its REST interface. */
export type UpstashAddress = { readonly restUrl: string; readonly restToken: string }
export type RedisAddress = RedisServer | UpstashAddress

/** One connection. It does not come back when it ends. */
export type RedisClient = {
  /** Resolves when commands may be sent; rejects when there is no connection, or the server refuses user and password. */
  readonly ready: Promise<void>
  /** Rejects when the server refuses the command, or the connection ends before the reply. */
  send(command: readonly string[]): Promise<unknown>
  destroy(): void
}

/**
 * The option of node:tls that sends `host` as the server name (SNI), by which a proxy in front of many servers chooses one. Node sends none
 * by itself. An IP address is no name (RFC 6066 §3); the certificate is checked against it all the same.
 */
export function serverNameOf(host: string): { readonly servername?: string } {
  return process.getBuiltinModule('node:net').isIP(host) === 0 ? { servername: host } : {}
}
