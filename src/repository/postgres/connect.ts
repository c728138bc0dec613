import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import pg from 'pg'
import type { DatabaseAddress, DatabaseHost } from './database-address.ts'

/** One way to reach the database: a host, with TLS or in cleartext. */
export type Route = { readonly host: DatabaseHost; readonly isTls: boolean }

/** Per host, where the address names no limit of its own; shorter where another host can be tried. */
const CONNECT_MS = 2_000
const CONNECT_ONE_OF_MANY_MS = 1_000

/** The ways to connect in the order in which libpq tries them: by host, and for `allow` and `prefer` with and without TLS. */
export function routesOf({ hosts, tls, loadBalanceHosts }: DatabaseAddress): readonly Route[] {
  const modes = { disable: [false], allow: [false, true], prefer: [true, false] } as const
  const order = tls.mode === 'disable' || tls.mode === 'allow' || tls.mode === 'prefer' ? modes[tls.mode] : [true]
  const shuffled =
    loadBalanceHosts === 'random'
      ? hosts.map((host) => ({ host, at: Math.random() })).sort((a, b) => a.at - b.at)
      : hosts.map((host) => ({ host }))
  return shuffled.flatMap(({ host }) => (host.host.startsWith('/') ? [false] : order).map((isTls) => ({ host, isTls })))
}

/** The driver's settings for one route. Nothing is sent at start-up that a connection pooler refuses. */
export function clientConfigOf(address: DatabaseAddress, { host, isTls }: Route): pg.ClientConfig {
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

/** Without it the driver would look for a file of passwords in the home directory. */
const noPassword = (() => undefined) as unknown as () => string

/**
 * `verify-full` checks the certificate for the very host of the address, name or IP; `verify-ca`, and other modes with a root certificate,
 * check who signed it; others check nothing.
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

type Stream = { on(event: string, listener: (chunk: Buffer) => void): unknown; destroy(error: Error): void }
type Connection = NodeJS.EventEmitter & { stream: Stream; attachListeners(stream: Pick<Stream, 'on'>): void }

/** A client whose parser ends the connection, not the process, at what it does not know: a server that demands GSSAPI, or is none. */
export type DatabaseClient = pg.Client

export class SafeClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    const connection = connectionOf(this)
    const attach = connection.attachListeners.bind(connection)
    connection.attachListeners = (stream: Stream) =>
      attach({ on: (event, listener) => stream.on(event, guarded(listener, stream)) })
  }
}

/** Not in the driver's types; its version is pinned. */
const connectionOf = (client: pg.Client) => (client as unknown as { connection: Connection }).connection

function guarded(listener: (chunk: Buffer) => void, stream: Stream): (chunk: Buffer) => void {
  return (chunk) => {
    try {
      listener(chunk)
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** A client that sends no password where the channel must be bound and the server does not offer it. */
export class BoundClient extends SafeClient {
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

/** Opens one session outside of any pool, for one-off commands. Rejects with the last host's error. */
export function connect(address: DatabaseAddress): Promise<pg.Client> {
  const target = address.targetSessionAttrs
  if (target !== 'prefer-standby') return connectTo(address, target)
  return connectTo(address, 'standby').catch(() => connectTo(address, 'any'))
}

async function connectTo(address: DatabaseAddress, target: DatabaseAddress['targetSessionAttrs']): Promise<pg.Client> {
  let failure: unknown
  let before: Route | undefined
  for (const route of routesOf(address)) {
    if (before && !continuesAfter(failure, before, route)) continue
    const client = newClient(address, route)
    client.on('error', () => undefined) // reported by the query under way
    try {
      await client.connect()
      if (await isAcceptable(client, target)) return client
      await client.end()
      failure = new Error(`No server is ${target}`)
    } catch (error) {
      failure = error
    }
    before = route
  }
  throw failure
}

function newClient(address: DatabaseAddress, route: Route): pg.Client {
  const Client = clientClassOf(address)
  return new Client(clientConfigOf(address, route))
}

export const clientClassOf = (address: DatabaseAddress) =>
  address.channelBinding === 'require' ? BoundClient : SafeClient

/**
 * Whether `next` is tried after `before` failed, as in libpq: another host where this one could not be reached, is starting up or is of the
 * wrong kind; the same host with or without TLS where it was reached and refused.
 */
export function continuesAfter(failure: unknown, before: Route, next: Route): boolean {
  const code = failure instanceof Error && 'code' in failure ? String(failure.code) : ''
  const wasReached = failure instanceof pg.DatabaseError || /SSL|TLS|certificate/i.test(String(failure))
  if (before.host === next.host) return wasReached && code !== '57P03'
  return !(failure instanceof pg.DatabaseError) || code === '57P03' || code.startsWith('53')
}

/** Whether the session of a connected client is of the kind that `target_session_attrs` asks for; `prefer-standby` asks for a standby here. */
export async function isAcceptable(
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
