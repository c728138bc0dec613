import type { DatabaseAddress, DatabaseHost } from '../repository/postgres/connection/address.ts'
import {
  type ConnectionParameters,
  NAME,
  PARAMETERS,
  type ParameterReader,
  parameterReader,
  splitDatabaseUrl,
  UNSUPPORTED,
} from './database-parameters.ts'
import { tlsOf } from './database-tls.ts'
import type { EnvironmentVariables } from './variables.ts'

const APPLICATION_NAME = 'flagstaff'
const SESSIONS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

/**
 * The database address of `url` and the PG* variables in `env`. Reads the certificate files that they name. Throws an error
 * with one line for each mistake, which begins with the name of its variable.
 */
export function parseDatabaseUrl(url: string, env: EnvironmentVariables = {}): DatabaseAddress {
  const mistakes: string[] = []
  const address = databaseAddress(url, env, mistakes)
  if (!address || mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return address
}

/** Like `parseDatabaseUrl()`, but adds mistakes to a list. Undefined if the URL cannot be split. */
export function databaseAddress(
  url: string,
  env: EnvironmentVariables,
  mistakes: string[],
): DatabaseAddress | undefined {
  let parameters: ConnectionParameters
  try {
    parameters = splitDatabaseUrl(url)
  } catch (error) {
    mistakes.push(`${NAME}: ${(error as Error).message}`)
    return undefined
  }
  rejectUnsupported(parameters, env, mistakes)
  return addressOf(parameterReader(parameters, env, mistakes))
}

function addressOf(parameters: ParameterReader): DatabaseAddress {
  const user = parameters.text('user') || systemUser() || ''
  if (user === '') parameters.mistake('user', 'no user is named')
  const seconds = parameters.integer('connect_timeout') ?? 0
  checkFixed(parameters)
  return {
    hosts: hostsOf(parameters),
    user,
    password: parameters.text('password') || undefined,
    database: parameters.text('dbname') || user,
    tls: tlsOf(parameters),
    channelBinding: parameters.oneOf('channel_binding', ['prefer', 'disable', 'require']),
    targetSessionAttrs: parameters.oneOf('target_session_attrs', SESSIONS),
    loadBalanceHosts: parameters.oneOf('load_balance_hosts', ['disable', 'random']),
    connectTimeoutSeconds: seconds > 0 ? seconds : undefined,
    keepAlive: keepAliveOf(parameters),
    applicationName:
      parameters.text('application_name') || parameters.text('fallback_application_name') || APPLICATION_NAME,
    options: parameters.text('options') || undefined,
  }
}

/** The runtimes send up to ten probes, one each second; `keepalives_interval` and `keepalives_count` are only validated. */
function keepAliveOf(parameters: ParameterReader): DatabaseAddress['keepAlive'] {
  const idle = parameters.integer('keepalives_idle') ?? 0
  parameters.integer('keepalives_interval')
  parameters.integer('keepalives_count')
  return { isOn: (parameters.integer('keepalives') ?? 1) !== 0, idleSeconds: idle > 0 ? idle : undefined }
}

/** Checks parameters for which only one value is supported. */
function checkFixed(parameters: ParameterReader): void {
  const encryption = parameters.oneOf('gssencmode', ['prefer', 'disable', 'require'])
  if (encryption === 'require') parameters.mistake('gssencmode', 'GSSAPI is not supported; use disable')
  if ((parameters.text('sslcompression') || '0') !== '0')
    parameters.mistake('sslcompression', 'TLS is not compressed; use 0')
  if (!/^(utf-?8|unicode|auto)?$/i.test(parameters.text('client_encoding') ?? ''))
    parameters.mistake('client_encoding', 'only UTF8 is supported')
  if (!/^(false|off|no|0)?$/i.test(parameters.text('replication') ?? ''))
    parameters.mistake('replication', 'replication connections cannot be used')
}

/** Rejects unsupported and unknown parameters. Quotes an unknown name only if it cannot be part of a password. */
function rejectUnsupported(parameters: ConnectionParameters, env: EnvironmentVariables, mistakes: string[]): void {
  const hasPassword = Boolean(parameters.get('password') || env[PARAMETERS.password])
  for (const name of parameters.keys()) {
    const reason = UNSUPPORTED[name]?.reason
    if (reason !== undefined) mistakes.push(`${NAME}: the parameter ${name} cannot be used: ${reason}`)
    else if (!Object.hasOwn(PARAMETERS, name)) mistakes.push(`${NAME}: ${unknown(name, parameters)}`)
  }
  for (const [name, { variable, reason }] of Object.entries(UNSUPPORTED))
    if (variable !== undefined && env[variable] && !parameters.has(name) && !(name === 'passfile' && hasPassword))
      mistakes.push(`${variable}: cannot be used: ${reason}`)
}

function unknown(name: string, parameters: ConnectionParameters): string {
  const isSafe = /^[a-z][\w.-]{0,63}$/i.test(name) && parameters.has('user') // otherwise an "@" after "/" may be the end of the password
  return isSafe
    ? `no such parameter: ${name}`
    : 'it has a parameter that libpq does not know; in a user or password write "/" as %2F, "?" as %3F, "@" as %40'
}

/** The name of the system user; undefined in a container whose user id has no name. */
function systemUser(): string | undefined {
  try {
    return process.getBuiltinModule('node:os').userInfo().username
  } catch {
    return undefined
  }
}

const DEFAULT_PORT = 5432
/** The socket folder of Debian's servers, libpq's default host. */
const SOCKET_FOLDER = '/var/run/postgresql'
/** Hosts are tried in turn, each for up to `connect_timeout`. */
const HOSTS_MAX = 32

/** The hosts of a connection: one for each `hostaddr`, or else for each `host`; with one port for all, or one for each. */
export function hostsOf(parameters: ParameterReader): DatabaseHost[] {
  const addresses = listOf(parameters.text('hostaddr'))
  const names = listOf(parameters.text('host'))
  const ports = listOf(parameters.text('port')).map((port) => portOf(port, parameters))
  const count = addresses.length || names.length || 1
  if (count > HOSTS_MAX) parameters.mistake('host', `expected at most ${HOSTS_MAX} hosts`)
  if (names.length > 0 && names.length !== count) parameters.mistake('hostaddr', 'expected as many addresses as hosts')
  if (ports.length > 1 && ports.length !== count) parameters.mistake('port', 'expected one port, or as many as hosts')
  return Array.from({ length: count }, (_, index) => {
    const address = addresses[index] || undefined
    const host = names[index] || address || SOCKET_FOLDER
    if (!isHost(host)) parameters.mistake('host', 'expected host names, IP addresses, or folders of Unix sockets')
    if (address !== undefined && !isAddress(address)) parameters.mistake('hostaddr', 'expected IP addresses')
    return { host, address, port: ports[ports.length > 1 ? index : 0] ?? DEFAULT_PORT }
  })
}

const listOf = (text: string | undefined): string[] => (text ? text.split(',') : [])

function portOf(text: string, parameters: ParameterReader): number {
  if (text === '') return DEFAULT_PORT
  const port = /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) parameters.mistake('port', 'expected a whole number from 1 to 65535')
  return port
}

const isAddress = (text: string): boolean => process.getBuiltinModule('node:net').isIP(text) !== 0
/** The path of a socket folder, a host name or an IP address. The runtimes do not support abstract sockets ("@…"). */
const isHost = (host: string): boolean =>
  host.startsWith('/') ? host.length <= 90 : host.length <= 253 && /^[^\s@/[\]]+$/.test(host)
