import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import pg from 'pg'
import { type Code, FlagError } from '../../../flag/error.ts'
import type { DatabaseAddress, DatabaseHost } from './address.ts'

/** One way to reach the database: a host, with TLS or in cleartext. */
export type DatabaseRoute = { readonly host: DatabaseHost; readonly isTls: boolean }

/** Connect limits for each host if the address sets none. The limit is shorter if another host can be tried. */
const CONNECT_MS = 2_000
const CONNECT_ONE_OF_MANY_MS = 1_000

/** The driver's settings for one route. The start-up message contains nothing that a connection pooler refuses. */
export function clientConfigOf(address: DatabaseAddress, { host, isTls }: DatabaseRoute): pg.ClientConfig {
  const seconds = address.connectTimeoutSeconds
  const standard = address.hosts.length > 1 ? CONNECT_ONE_OF_MANY_MS : CONNECT_MS
  return {
    host: host.address ?? host.host,
    port: host.port,
    user: address.user,
    password: address.password ?? noPassword,
    database: address.database,
    application_name: address.applicationName,
    ...(address.options !== undefined && { options: address.options }),
    connectionTimeoutMillis: seconds === undefined ? standard : seconds * 1_000,
    keepAlive: address.keepAlive.isOn,
    keepAliveInitialDelayMillis: (address.keepAlive.idleSeconds ?? 0) * 1_000,
    ssl: isTls ? tlsOf(address, host) : false,
    ...(isTls && { sslnegotiation: address.tls.negotiation }),
    enableChannelBinding: isTls && address.channelBinding !== 'disable',
  }
}

/** Without a password here, the driver would look for a password file in the home directory. */
const noPassword = (() => undefined) as unknown as () => string

/**
 * `verify-full` checks that the certificate is for the host of the address, name or IP. `verify-ca`, and other modes with a root
 * certificate, check only who signed it. The remaining modes check nothing.
 */
function tlsOf({ tls }: DatabaseAddress, { host }: DatabaseHost): NonNullable<pg.ClientConfig['ssl']> {
  const isChecked = tls.mode === 'verify-ca' || tls.mode === 'verify-full' || tls.ca !== undefined
  return {
    rejectUnauthorized: isChecked,
    checkServerIdentity: (_, certificate) =>
      tls.mode === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
    ...(isIP(host) === 0 && { servername: host }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
    minVersion: tls.minVersion,
    ...(tls.maxVersion !== undefined && { maxVersion: tls.maxVersion }),
  }
}

type DriverStream = { on(event: string, listener: (chunk: Buffer) => void): unknown; destroy(error: Error): void }
type DriverConnection = NodeJS.EventEmitter & {
  stream: DriverStream
  attachListeners(stream: Pick<DriverStream, 'on'>): void
}

export type DatabaseClient = pg.Client

/** Closes the connection on a message that the parser does not support, such as a request for GSSAPI. The driver's own client ends the process then. */
export class SafeClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    this.on('error', () => undefined) // the pending query or the pool reports it; without a listener the process would end
    const connection = connectionOf(this)
    const attach = connection.attachListeners.bind(connection)
    connection.attachListeners = (stream: DriverStream) =>
      attach({ on: (event, listener) => stream.on(event, guarded(listener, stream)) })
  }
}

/** Missing from the driver's types; the driver's version is pinned. */
const connectionOf = (client: pg.Client) => (client as unknown as { connection: DriverConnection }).connection

function guarded(listener: (chunk: Buffer) => void, stream: DriverStream): (chunk: Buffer) => void {
  return (chunk) => {
    try {
      listener(chunk)
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** A client that sends no password if channel binding is required and the server does not offer it. */
export class ChannelBoundClient extends SafeClient {
  constructor(config?: pg.ClientConfig) {
    super(config)
    const connection = connectionOf(this)
    let isBound = false
    const refuse = () =>
      connection.stream.destroy(
        new Error('The channel must be bound, and the server does not offer SCRAM-SHA-256-PLUS'),
      )
    connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
      isBound = mechanisms.includes('SCRAM-SHA-256-PLUS')
      if (!isBound) refuse()
    })
    for (const event of ['authenticationCleartextPassword', 'authenticationMD5Password'] as const)
      connection.on(event, refuse)
    connection.on('authenticationOk', () => {
      if (!isBound) refuse()
    })
  }
}

export const clientClassOf = (address: DatabaseAddress) =>
  address.channelBinding === 'require' ? ChannelBoundClient : SafeClient

/** Error code and message for the caller, by constraint of the schema. */
const CONSTRAINTS: Readonly<Record<string, readonly [Code, string]>> = {
  projects_key_unique: ['conflict', 'A project with this key exists already'],
  environments_key_unique: ['conflict', 'An environment with this key exists already in the project'],
  environments_project_id_fkey: ['conflict', 'The project still has environments'],
  flags_key_unique: ['conflict', 'A flag with this key exists already in the project'],
}

/** SQLSTATEs of temporary failures (https://www.postgresql.org/docs/current/errcodes-appendix.html), whole or by class. */
const UNAVAILABLE = new Set(['57014', '57P01', '57P02', '57P03', '57P05', '25P03', '40001', '40P01', '55P03', '25006'])
const UNAVAILABLE_CLASSES = new Set(['08', '53', '58'])
/** Error codes of sockets that could not connect. */
const DISCONNECTED = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EACCES)/
/** SQLSTATEs after which a session is unusable: the server is read-only (a former primary), shuts down or starts up. */
const ENDING = new Set(['25006', '57P01', '57P02', '57P03'])

/** Converts the driver's expected failures to `FlagError`s. The driver's text stays in `cause`, because it contains SQL and values. */
export function toFlagError(error: unknown): unknown {
  const driver = driverError(error)
  if (!driver) return error
  const constraint = CONSTRAINTS[driver.constraint]
  if (constraint) return new FlagError(constraint[0], constraint[1], { cause: driver.error })
  const { code } = driver
  if (UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || DISCONNECTED.test(code))
    return new FlagError('unavailable', 'The database cannot be used right now', { cause: driver.error })
  return error
}

/** Whether a failure means that no connection of the pool is usable, rather than that one statement failed. */
export function endsConnections(error: unknown): boolean {
  const code = driverError(error)?.code ?? ''
  return ENDING.has(code) || code.startsWith('08')
}

/** Whether the server refused a write because it is read-only. */
export function isReadOnlyError(error: unknown): boolean {
  return driverError(error)?.code === '25006'
}

/** Finds the error that has a code: drizzle wraps the driver's error as the cause of its own. */
function driverError(error: unknown): { error: Error; code: string; constraint: string } | undefined {
  for (let at = error; at instanceof Error && !(at instanceof FlagError); at = at.cause) {
    if (!('code' in at) || typeof at.code !== 'string') continue
    const constraint = 'constraint' in at && typeof at.constraint === 'string' ? at.constraint : ''
    return { error: at, code: at.code, constraint }
  }
  return undefined
}

/** The database cannot be used; `code` and `reason` are for the log. */
export function unavailable(reason: string, code: string, cause?: unknown): FlagError {
  const error = Object.assign(new Error(reason, { cause }), { code })
  return new FlagError('unavailable', 'The database cannot be used right now', { cause: error })
}

/** The connection ended during a statement: whether the statement took effect is unknown. */
export const connectionLost = (cause: unknown) => unavailable('The connection was lost', 'CONNECTION_LOST', cause)

/** Rolls the transaction back; false when the connection failed. */
export async function tryRollback(client: pg.ClientBase): Promise<boolean> {
  try {
    await client.query('rollback')
    return true
  } catch {
    return false
  }
}

/** True on a standby, and on a server that is configured as read-only. */
export async function isServerReadOnly(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ isReadOnly: boolean }>(
    `select pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean as "isReadOnly"`,
  )
  return rows[0]?.isReadOnly ?? false
}

/** Whether a client's session meets `target_session_attrs`; here `prefer-standby` requires a standby. */
export async function isSessionAcceptable(
  client: pg.ClientBase,
  target: DatabaseAddress['targetSessionAttrs'],
): Promise<boolean> {
  if (target === 'any') return true
  const { rows } = await client.query<{ standby: boolean; readonly: boolean }>(
    `select pg_is_in_recovery() as standby, current_setting('transaction_read_only')::boolean as readonly`,
  )
  const { standby = false, readonly = false } = rows[0] ?? {}
  return {
    'read-write': !readonly && !standby,
    'read-only': readonly || standby,
    primary: !standby,
    standby,
    'prefer-standby': standby,
  }[target]
}
