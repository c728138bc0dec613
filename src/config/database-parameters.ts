import type { EnvironmentVariables } from './variables.ts'

export const NAME = 'DATABASE_URL'
/**
 * libpq's parameters with the environment variables of their defaults (https://www.postgresql.org/docs/current/libpq-envars.html).
 * Each is applied or rejected by name; none becomes a setting of the session.
 */
export const PARAMETERS = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  dbname: 'PGDATABASE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  sslsni: 'PGSSLSNI',
  sslnegotiation: 'PGSSLNEGOTIATION',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  channel_binding: 'PGCHANNELBINDING',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  keepalives: undefined,
  keepalives_idle: undefined,
  keepalives_interval: undefined,
  keepalives_count: undefined,
  application_name: 'PGAPPNAME',
  fallback_application_name: undefined,
  options: 'PGOPTIONS',
  gssencmode: 'PGGSSENCMODE',
  sslcompression: 'PGSSLCOMPRESSION',
  client_encoding: 'PGCLIENTENCODING',
  replication: undefined,
} as const
export type ParameterName = keyof typeof PARAMETERS

/** libpq's parameters that are not supported, with the reason. */
export const UNSUPPORTED: Readonly<Record<string, { readonly variable: string | undefined; readonly reason: string }>> =
  {
    passfile: { variable: 'PGPASSFILE', reason: 'files of passwords are not read; put the password into the URL' },
    service: { variable: 'PGSERVICE', reason: 'files of services are not read; put their parameters into the URL' },
    servicefile: { variable: undefined, reason: 'files of services are not read' },
    requirepeer: { variable: 'PGREQUIREPEER', reason: 'the owner of the server process cannot be checked' },
    require_auth: { variable: 'PGREQUIREAUTH', reason: 'use channel_binding=require or sslmode=verify-full' },
    sslcrl: { variable: 'PGSSLCRL', reason: 'revocation lists are not read' },
    sslcrldir: { variable: 'PGSSLCRLDIR', reason: 'revocation lists are not read' },
    sslcertmode: { variable: 'PGSSLCERTMODE', reason: 'a certificate is sent where sslcert names one' },
    sslkeylogfile: { variable: undefined, reason: 'keys of TLS are not logged' },
    tcp_user_timeout: { variable: undefined, reason: 'each query has a time limit of its own' },
    krbsrvname: { variable: 'PGKRBSRVNAME', reason: 'GSSAPI is not supported' },
    gsslib: { variable: 'PGGSSLIB', reason: 'GSSAPI is not supported' },
    gssdelegation: { variable: 'PGGSSDELEGATION', reason: 'GSSAPI is not supported' },
    min_protocol_version: { variable: 'PGMINPROTOCOLVERSION', reason: 'only version 3.0 of the protocol is spoken' },
    max_protocol_version: { variable: 'PGMAXPROTOCOLVERSION', reason: 'only version 3.0 of the protocol is spoken' },
    scram_client_key: { variable: undefined, reason: 'give the password' },
    scram_server_key: { variable: undefined, reason: 'give the password' },
    oauth_issuer: { variable: undefined, reason: 'OAuth is not supported' },
    oauth_client_id: { variable: undefined, reason: 'OAuth is not supported' },
    oauth_client_secret: { variable: undefined, reason: 'OAuth is not supported' },
    oauth_scope: { variable: undefined, reason: 'OAuth is not supported' },
  }

/** Reads and checks parameters. "" counts as a value. */
export type ParameterReader = {
  text(name: ParameterName): string | undefined
  oneOf<Value extends string>(name: ParameterName, values: readonly [Value, ...Value[]]): Value
  integer(name: ParameterName): number | undefined
  /** Adds a mistake, with the name of the variable that the parameter came from. */
  mistake(name: ParameterName, sentence: string): void
}

/** Reads parameters from the URL, or from the environment variables of their defaults. */
export function parameterReader(
  parameters: ConnectionParameters,
  env: EnvironmentVariables,
  mistakes: string[],
): ParameterReader {
  const text = (name: ParameterName) => parameters.get(name) ?? (env[PARAMETERS[name] ?? ''] || undefined)
  const mistake = (name: ParameterName, sentence: string) => {
    const variable = parameters.has(name) ? undefined : PARAMETERS[name]
    mistakes.push(variable && env[variable] ? `${variable}: ${sentence}` : `${NAME}: ${name}: ${sentence}`)
  }
  return {
    text,
    mistake,
    oneOf: (name, values) => {
      const value = text(name)
      const known = values.find((one) => one === value)
      if (value !== undefined && known === undefined) mistake(name, `expected one of ${values.join(', ')}`)
      return known ?? values[0]
    },
    integer: (name) => {
      const value = text(name)
      if (value === undefined) return undefined
      if (/^\s*[+-]?\d{1,9}\s*$/.test(value)) return Number(value)
      mistake(name, 'expected a whole number')
      return undefined
    },
  }
}

/** The decoded parameters of a connection URI, by libpq's names. */
export type ConnectionParameters = Map<string, string>

const HEX = /%(?![0-9A-Fa-f]{2})/
/** `[IPv6 address]` or a host name, then an optional port. */
const HOST = /(?:\[([^\]]*)\]|([^:/?,[]*))(?::([^/?,]*))?/y

/**
 * Splits a connection URI as libpq does (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS).
 * Errors quote no part of the URI, because in an invalid URI any part may be part of the password.
 */
export function splitDatabaseUrl(url: string): ConnectionParameters {
  const [, rest] = /^(?:postgres|postgresql):\/\/(.*)$/s.exec(url) ?? []
  if (rest === undefined) throw new Error('expected postgres://user:password@host:port/database')
  const parameters: ConnectionParameters = new Map()
  const [, user, password] = /^([^:@/]*)(?::([^@/]*))?@/.exec(rest) ?? []
  const start = user === undefined ? 0 : user.length + (password === undefined ? 0 : password.length + 1) + 1
  const end = parseHosts(rest, start, parameters)
  const query = rest.indexOf('?', end)
  const path = rest.slice(end, query === -1 ? undefined : query)
  for (const [name, text] of [
    ['user', user],
    ['password', password],
    ['dbname', path.slice(1)],
  ] as const)
    if (text) parameters.set(name, decode(text, name))
  if (query !== -1) parseQuery(rest.slice(query + 1), parameters)
  return parameters
}

/** Parses `host:port,host:port` at `start` and returns its end. */
function parseHosts(text: string, start: number, parameters: ConnectionParameters): number {
  const hosts: string[] = []
  const ports: string[] = []
  let at = start
  do {
    HOST.lastIndex = at
    const [whole = '', address, name = '', port = ''] = HOST.exec(text) ?? []
    if (address === '') throw new Error('an address in brackets is empty')
    at += whole.length
    if (at < text.length && !',/?'.includes(text[at] ?? ''))
      throw new Error('a host must be a name, or an IPv6 address in brackets, followed by ":", "," or "/"')
    hosts.push(address ?? name)
    ports.push(port)
    at += 1
  } while (text[at - 1] === ',')
  if (hosts.join(',') !== '') parameters.set('host', decode(hosts.join(','), 'host'))
  if (ports.join(',') !== '') parameters.set('port', decode(ports.join(','), 'port'))
  return at - 1
}

function parseQuery(query: string, parameters: ConnectionParameters): void {
  for (const pair of query.replace(/&$/, '').split('&')) {
    if (query === '') return
    const [name = '', value, ...more] = pair.split('=')
    if (value === undefined || more.length > 0)
      throw new Error('a parameter must be name=value; write "=" in it as %3D')
    const [known, text] = translate(decode(name, 'a parameter'), decode(value, 'a parameter'))
    parameters.set(known, text)
  }
}

/** Two other spellings of `sslmode` that libpq accepts: JDBC's, and an old one of its own. */
function translate(name: string, value: string): [string, string] {
  if (name === 'ssl' && value === 'true') return ['sslmode', 'require']
  if (name === 'requiressl') return ['sslmode', value.startsWith('1') ? 'require' : 'prefer']
  return [name, value]
}

function decode(text: string, part: string): string {
  if (HEX.test(text)) throw new Error(`in ${part}, "%" must be followed by two hexadecimal digits; write "%" as %25`)
  try {
    const decoded = decodeURIComponent(text)
    if (!decoded.includes('\0')) return decoded
  } catch {
    throw new Error(`${part}: the percent-encoded bytes are not UTF-8`)
  }
  throw new Error(`${part}: %00 cannot be used`)
}
