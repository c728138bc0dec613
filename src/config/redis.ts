import type { RedisAddress, RedisServer } from '../repository/redis/address.ts'
import { anyText, isHttpUrl, secret, text, type VariableValues } from './variables.ts'

/** Servers limit headers to about this length. */
const TOKEN_LENGTH_MAX = 8_192
const isRestUrl = (url: string) => isHttpUrl(url) && !/[?#]/.test(url)

/** Redis, by its own protocol or by Upstash's REST interface. */
export const REDIS_VARIABLES = {
  REDIS_URL: anyText(undefined),
  UPSTASH_REDIS_REST_URL: text(undefined, isRestUrl, 'expected https://host, without user, query and fragment'),
  UPSTASH_REDIS_REST_TOKEN: secret(1, TOKEN_LENGTH_MAX),
}

const DEFAULT_PORT = 6379
/** Redis has 16 databases by default. */
const DATABASE_MAX = 1_000_000

/** Only one way to reach Redis may be set, and Upstash's needs both of its variables. */
export function redisMistakes(texts: Readonly<Record<string, string | undefined>>): string[] {
  const rest = [texts['UPSTASH_REDIS_REST_URL'], texts['UPSTASH_REDIS_REST_TOKEN']].filter(
    (value) => value !== undefined,
  )
  if (rest.length === 1) return ['UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: set both or neither']
  return rest.length > 0 && texts['REDIS_URL'] !== undefined
    ? ['REDIS_URL: set it or UPSTASH_REDIS_REST_URL, not both']
    : []
}

export function redisOf(values: VariableValues<typeof REDIS_VARIABLES>, mistakes: string[]): RedisAddress | undefined {
  const { REDIS_URL: url, UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: restToken } = values
  if (url === undefined)
    return restUrl !== undefined && restToken !== undefined
      ? { restUrl: restUrl.replace(/\/+$/, ''), restToken }
      : undefined
  try {
    return parseRedisUrl(url)
  } catch (error) {
    mistakes.push(`REDIS_URL: ${(error as Error).message}`)
    return undefined
  }
}

/**
 * Parses `redis[s]://user:password@host:port/database` (https://www.iana.org/assignments/uri-schemes/prov/redis), also with
 * `?db=` instead of the path. Errors quote no part of the URL, because it may contain a password.
 */
export function parseRedisUrl(text: string): RedisServer {
  const [, scheme, credentials, authority, rest] = /^(rediss?):\/\/(?:([^/?#]*)@)?([^/?#@]*)(.*)$/is.exec(text) ?? []
  if (scheme === undefined || authority === undefined || rest === undefined)
    throw new Error('expected redis://user:password@host:port/database, or rediss:// for TLS')
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(credentials ?? '') ?? []
  return {
    ...hostOf(authority),
    tls: scheme.toLowerCase() === 'rediss',
    user: decode(user, 'user'),
    password: decode(password, 'password'),
    database: databaseOf(rest),
  }
}

function hostOf(authority: string): { host: string; port: number } {
  const [, address, name, digits] = /^(?:\[([\da-f:.]+)\]|([^\s:[\]%,]{1,253}))(?::(\d{0,5}))?$/i.exec(authority) ?? []
  const host = address ?? name
  if (host === undefined) throw new Error('expected one host, a name or an IP address (IPv6 in brackets), and a port')
  const port = Number(digits || DEFAULT_PORT)
  if (port < 1 || port > 65_535) throw new Error('expected a port from 1 to 65535')
  return { host, port }
}

/** `/2` or `?db=2`. Other parameters are rejected, because they would have no effect. */
function databaseOf(rest: string): number {
  const [, path, query] = /^\/?(\d{1,7})?(?:\?db=(\d{1,7}))?$/.exec(rest) ?? [undefined, undefined, undefined]
  if (!/^\/?(\d{1,7})?(\?db=\d{1,7})?$/.test(rest))
    throw new Error('after the host, only the number of a database can follow: /2 or ?db=2')
  if (path !== undefined && query !== undefined && Number(path) !== Number(query))
    throw new Error('it names two databases')
  const database = Number(query ?? path ?? 0)
  if (database > DATABASE_MAX) throw new Error(`expected a database from 0 to ${DATABASE_MAX}`)
  return database
}

function decode(text: string | undefined, part: string): string | undefined {
  if (!text) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Error(`"%" in the ${part} must begin two hexadecimal digits of UTF-8; write "%" as %25`)
  }
}
