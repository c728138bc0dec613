/** A place to connect to. */
export type DatabaseHost = {
  /** A name or an IP address, without brackets. One that starts with "/" is the folder of a Unix socket (`<folder>/.s.PGSQL.<port>`). */
  readonly host: string
  /** The IP address to connect to instead of looking up `host` (libpq's `hostaddr`); the certificate is still that of `host`. */
  readonly address: string | undefined
  readonly port: number
}
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** TLS in libpq's terms. Unix sockets never use it. */
export type DatabaseTls = {
  /**
   * disable: never; allow: only when the server refuses cleartext; prefer: cleartext when the server has no TLS; require: always, with any
   * certificate; verify-ca: the certificate is signed by a trusted authority; verify-full: and is for `host`, name or IP address. A
   * `require` with a root certificate is handed over as `verify-ca`, as libpq treats it.
   */
  readonly mode: SslMode
  /** PEM text of the trusted authorities; undefined: the authorities that the runtime trusts. */
  readonly ca: string | undefined
  /** PEM texts of the client's certificate and key; both or neither. */
  readonly cert: string | undefined
  readonly key: string | undefined
  /** The passphrase of `key`. */
  readonly passphrase: string | undefined
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion | undefined
  /** direct: TLS from the first byte with ALPN "postgresql" (PostgreSQL 17); postgres: SSLRequest first. */
  readonly negotiation: 'postgres' | 'direct'
}

/**
 * Where the database is and how to connect, with libpq's meanings:
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
 */
export type DatabaseAddress = {
  /** At least one; tried in order, or in random order with `loadBalanceHosts`. */
  readonly hosts: readonly DatabaseHost[]
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly tls: DatabaseTls
  /** Whether SCRAM binds to the TLS channel: never, where the server offers it, or the connection fails without it. */
  readonly channelBinding: 'disable' | 'prefer' | 'require'
  /** Which sessions are acceptable: the next host is tried after one that is not. */
  readonly targetSessionAttrs: 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby'
  readonly loadBalanceHosts: 'disable' | 'random'
  /** For each host; undefined: the service's own limit. */
  readonly connectTimeoutSeconds: number | undefined
  /** TCP keepalive, after so much silence; undefined seconds: the system's. */
  readonly keepAlive: { readonly isOn: boolean; readonly idleSeconds: number | undefined }
  readonly applicationName: string
  /** Command-line options for the server process, sent as the start-up parameter `options`. */
  readonly options: string | undefined
}
