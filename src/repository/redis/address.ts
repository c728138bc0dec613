/** Runs a Redis command. Rejects if Redis refuses it or does not respond in time. */
export type SendCommand = (command: readonly string[]) => Promise<unknown>

/** A server with Redis's own protocol. */
export type RedisServer = {
  /** A host name or an IP address, without brackets. With TLS, the certificate must match it. */
  readonly host: string
  readonly port: number
  readonly tls: boolean
  /** Undefined: the default user. */
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
}
/** An Upstash database, accessed by its REST interface. */
export type UpstashAddress = { readonly restUrl: string; readonly restToken: string }
export type RedisAddress = RedisServer | UpstashAddress

/** One connection. It does not reconnect when it ends. */
export type RedisClient = {
  /** Resolves when commands may be sent. Rejects if the connection fails, or the server refuses user and password. */
  readonly ready: Promise<void>
  /** Rejects if the server refuses the command, or the connection ends before the reply. */
  send(command: readonly string[]): Promise<unknown>
  destroy(): void
}

/**
 * The option of node:tls that sends `host` as the server name (SNI), by which a proxy selects one of many servers. Node does not send it
 * by default. An IP address is not a valid server name (RFC 6066 §3); the certificate is still checked against it.
 */
export function serverNameOf(host: string): { readonly servername?: string } {
  return process.getBuiltinModule('node:net').isIP(host) === 0 ? { servername: host } : {}
}
