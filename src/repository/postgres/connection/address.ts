/** Address of one database server. */
export type DatabaseHost = {
  /**
   * A host name or an IP address, without brackets. A value that starts with "/" is the folder of a Unix socket
   * (`<folder>/.s.PGSQL.<port>`).
   */
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
   * disable: never. allow: only if the server refuses cleartext. prefer: cleartext only if the server has no TLS. require: always, with
   * any certificate. verify-ca: a trusted authority must have signed the certificate. verify-full: the certificate must also match `host`,
   * name or IP address. `require` with a root certificate becomes `verify-ca`, as in libpq.
   */
  readonly mode: SslMode
  /** PEM text of the trusted authorities; undefined: the runtime's default authorities. */
  readonly ca: string | undefined
  /** PEM texts of the client certificate and its key; both or neither. */
  readonly cert: string | undefined
  readonly key: string | undefined
  /** Passphrase of `key`. */
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
  /** At least one. Tried in order, or in random order with `loadBalanceHosts`. */
  readonly hosts: readonly DatabaseHost[]
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly tls: DatabaseTls
  /** Whether SCRAM binds to the TLS channel: never, if the server offers it, or always (the connection fails otherwise). */
  readonly channelBinding: 'disable' | 'prefer' | 'require'
  /** Which sessions are acceptable. After one that is not, the next host is tried. */
  readonly targetSessionAttrs: 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby'
  readonly loadBalanceHosts: 'disable' | 'random'
  /** Limit for each host; undefined: the service's own limit. */
  readonly connectTimeoutSeconds: number | undefined
  /** TCP keepalive after this much idle time; undefined seconds: the system's default. */
  readonly keepAlive: { readonly isOn: boolean; readonly idleSeconds: number | undefined }
  readonly applicationName: string
  /** Command-line options for the server process, sent as the start-up parameter `options`. */
  readonly options: string | undefined
}
