import type { DatabaseAddress, DatabaseHost } from '../repository/postgres/database-address.ts'
import {
  type Environment,
  type Given,
  givenBy,
  NAME,
  PARAMETERS,
  type Parameters,
  REFUSED,
  splitDatabaseUrl,
} from './database-parameters.ts'
import { tlsOf } from './database-tls.ts'

const APPLICATION_NAME = 'flagstaff'
const SESSIONS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

/**
 * The address that `url` and the PG* variables in `env` name. Reads the files of certificates that they name. Throws an error with one line
 * for each mistake, each beginning with the name of its variable.
 */
export function parseDatabaseUrl(url: string, env: Environment = {}): DatabaseAddress {
  const mistakes: string[] = []
  const address = databaseAddress(url, env, mistakes)
  if (!address || mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return address
}

/** The same, with the mistakes added to a list; undefined when the URL cannot be taken apart. */
export function databaseAddress(url: string, env: Environment, mistakes: string[]): DatabaseAddress | undefined {
  let parameters: Parameters
  try {
    parameters = splitDatabaseUrl(url)
  } catch (error) {
    mistakes.push(`${NAME}: ${(error as Error).message}`)
    return undefined
  }
  refuse(parameters, env, mistakes)
  return addressOf(givenBy(parameters, env, mistakes))
}

function addressOf(given: Given): DatabaseAddress {
  const user = given.text('user') || systemUser() || ''
  if (user === '') given.mistake('user', 'no user is named')
  const seconds = given.integer('connect_timeout') ?? 0
  checkRest(given)
  return {
    hosts: hostsOf(given),
    user,
    password: given.text('password') || undefined,
    database: given.text('dbname') || user,
    tls: tlsOf(given),
    channelBinding: given.oneOf('channel_binding', ['prefer', 'disable', 'require']),
    targetSessionAttrs: given.oneOf('target_session_attrs', SESSIONS),
    loadBalanceHosts: given.oneOf('load_balance_hosts', ['disable', 'random']),
    connectTimeoutSeconds: seconds > 0 ? seconds : undefined,
    keepAlive: keepAliveOf(given),
    applicationName: given.text('application_name') || given.text('fallback_application_name') || APPLICATION_NAME,
    options: given.text('options') || undefined,
  }
}

/** The runtimes send probes each second and up to ten of them; `keepalives_interval` and `keepalives_count` are only checked. */
function keepAliveOf(given: Given): DatabaseAddress['keepAlive'] {
  const idle = given.integer('keepalives_idle') ?? 0
  given.integer('keepalives_interval')
  given.integer('keepalives_count')
  return { isOn: (given.integer('keepalives') ?? 1) !== 0, idleSeconds: idle > 0 ? idle : undefined }
}

/** What may only have the value that it has here anyway. */
function checkRest(given: Given): void {
  const encryption = given.oneOf('gssencmode', ['prefer', 'disable', 'require'])
  if (encryption === 'require') given.mistake('gssencmode', 'GSSAPI is not supported; use disable')
  if ((given.text('sslcompression') || '0') !== '0') given.mistake('sslcompression', 'TLS is not compressed; use 0')
  if (!/^(utf-?8|unicode|auto)?$/i.test(given.text('client_encoding') ?? ''))
    given.mistake('client_encoding', 'only UTF8 is supported')
  if (!/^(false|off|no|0)?$/i.test(given.text('replication') ?? ''))
    given.mistake('replication', 'replication connections cannot be used')
}

/** Names what cannot be heeded; a name that is none of libpq's only where it can be no part of a password. */
function refuse(parameters: Parameters, env: Environment, mistakes: string[]): void {
  const hasPassword = Boolean(parameters.get('password') || env[PARAMETERS.password])
  for (const name of parameters.keys()) {
    const reason = REFUSED[name]?.reason
    if (reason !== undefined) mistakes.push(`${NAME}: the parameter ${name} cannot be used: ${reason}`)
    else if (!Object.hasOwn(PARAMETERS, name)) mistakes.push(`${NAME}: ${unknown(name, parameters)}`)
  }
  for (const [name, { variable, reason }] of Object.entries(REFUSED))
    if (variable !== undefined && env[variable] && !parameters.has(name) && !(name === 'passfile' && hasPassword))
      mistakes.push(`${variable}: cannot be used: ${reason}`)
}

function unknown(name: string, parameters: Parameters): string {
  const isSafe = /^[a-z][\w.-]{0,63}$/i.test(name) && parameters.has('user') // without one, an "@" after "/" may have been meant to end the password
  return isSafe
    ? `no such parameter: ${name}`
    : 'it has a parameter that libpq does not know; in a user or password write "/" as %2F, "?" as %3F, "@" as %40'
}

/** Undefined in a container whose user id has no name. */
function systemUser(): string | undefined {
  try {
    return process.getBuiltinModule('node:os').userInfo().username
  } catch {
    return undefined
  }
}

const DEFAULT_PORT = 5432
/** Where Debian's servers have their sockets; libpq connects there when no host is named. */
const SOCKET_FOLDER = '/var/run/postgresql'
/** More are a mistake: each is tried in turn, for as long as `connect_timeout`. */
const HOSTS_MAX = 32

/** The hosts of a connection: as many as there are in `hostaddr`, or else in `host`; one port for all, or one for each. */
export function hostsOf(given: Given): DatabaseHost[] {
  const addresses = listOf(given.text('hostaddr'))
  const names = listOf(given.text('host'))
  const ports = listOf(given.text('port')).map((port) => portOf(port, given))
  const count = addresses.length || names.length || 1
  if (count > HOSTS_MAX) given.mistake('host', `expected at most ${HOSTS_MAX} hosts`)
  if (names.length > 0 && names.length !== count) given.mistake('hostaddr', 'expected as many addresses as hosts')
  if (ports.length > 1 && ports.length !== count) given.mistake('port', 'expected one port, or as many as hosts')
  return Array.from({ length: count }, (_, index) => {
    const address = addresses[index] || undefined
    const host = names[index] || address || SOCKET_FOLDER
    if (!isHost(host)) given.mistake('host', 'expected host names, IP addresses, or folders of Unix sockets')
    if (address !== undefined && !isAddress(address)) given.mistake('hostaddr', 'expected IP addresses')
    return { host, address, port: ports[ports.length > 1 ? index : 0] ?? DEFAULT_PORT }
  })
}

const listOf = (text: string | undefined): string[] => (text ? text.split(',') : [])

function portOf(text: string, given: Given): number {
  if (text === '') return DEFAULT_PORT
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) given.mistake('port', 'expected a whole number from 1 to 65535')
  return port
}

const isAddress = (text: string): boolean => process.getBuiltinModule('node:net').isIP(text) !== 0
/** A folder by its path (abstract sockets, which begin with "@", are beyond the runtimes), or what can be a name or an address. */
const isHost = (host: string): boolean =>
  host.startsWith('/') ? host.length <= 90 : host.length <= 253 && /^[^\s@/[\]]+$/.test(host)
