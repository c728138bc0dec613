import type { JsonObject } from '@bufbuild/protobuf'
import * as v from 'valibot'
import { isRecord } from '../flag/value.ts'
import type { RedisAddress } from '../store/redis.ts'
import {
  integer,
  isHttpUrl,
  isOrigin,
  isUrlOf,
  oneOf,
  origins,
  text,
  type Values,
  type Variable,
} from './config-values.ts'
import { TELEMETRY_VARIABLES, type TelemetryConfig, telemetryOf } from './telemetry-config.ts'

const isHttpOrigin = (url: string) => isHttpUrl(url) && isOrigin(url)
const isPem = (pem: string) => pem.includes('-----BEGIN ')
const parseObject = (json: string): JsonObject => JSON.parse(json)
const isJsonObject = (json: string) => {
  try {
    return isRecord(parseObject(json))
  } catch {
    return false
  }
}
const isAny = () => true
const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]
const ACCESS_LEVELS = ['none', 'some', 'all'] as const
const SWITCH = ['on', 'off'] as const

const contextValues: Variable<JsonObject, JsonObject> = {
  unset: {},
  schema: () =>
    v.pipe(v.string(), v.check(isJsonObject, 'expected a JSON object of context values'), v.transform(parseObject)),
}
/** Every variable we read, with what it must be. Names of the form NAME_FILE are read from the file they name. */
const VARIABLES = {
  PORT: integer(8080, 0, 65_535),
  HOST: text(undefined, ({ length }) => length <= 253, 'expected at most 253 characters'),
  GRPC_PORT: { ...integer(0, 0, 65_535), unset: undefined },
  TLS_CERT: text(undefined, isPem, 'expected certificates in PEM format'),
  TLS_KEY: text(undefined, isPem, 'expected a key in PEM format'),
  DATABASE_URL: text(
    undefined,
    isUrlOf('postgres:', 'postgresql:'),
    'expected postgres://user:password@host:port/database',
  ),
  FLAGSTAFF_TRIAL_DIR: text('.flagstaff', isAny, ''),
  FLAGSTAFF_ADMIN_KEY: text(undefined, ({ length }) => length >= 24, 'expected at least 24 characters'),
  FRESHNESS_MS: integer(1_000, 10, 60_000),
  TRUTH_CHECK_MS: integer(10_000, 10, 3_600_000),
  REDIS_URL: text(undefined, isUrlOf('redis:', 'rediss:'), 'expected redis://host:port, or rediss:// for TLS'),
  UPSTASH_REDIS_REST_URL: text(undefined, isHttpUrl, 'expected https://…'),
  UPSTASH_REDIS_REST_TOKEN: text(undefined, isAny, ''),
  FLAGSTAFF_METRICS: oneOf('on', SWITCH),
  FLAGSTAFF_STREAMS: oneOf('on', SWITCH),
  FLAGSTAFF_STREAM_URL: text(undefined, isHttpOrigin, 'expected https://host[:port], without a path'),
  STREAM_SECONDS_MAX: integer(240, 10, 86_400),
  RPC_STREAM_SECONDS_MAX: integer(3_600, 10, 86_400),
  FLAGSTAFF_CONTEXT_VALUES: contextValues,
  DRAIN_SECONDS: integer(8, 1, 3_600),
  DRAIN_DELAY_SECONDS: integer(0, 0, 1_800),
  BODY_BYTES_MAX: integer(1_000_000, 1_000, 16_000_000),
  REQUESTS_MAX: integer(2_000, 0, 1_000_000),
  LOOP_DELAY_MS_MAX: integer(200, 0, 60_000),
  CORS_ORIGINS: origins,
  LOG_LEVEL: oneOf('info', LEVELS),
  FLAGSTAFF_ACCESS_LOG: oneOf(undefined, ACCESS_LEVELS),
  ...TELEMETRY_VARIABLES,
}
/** Every name that we read; each may end in _FILE instead. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES)
const TRIAL_HOST = '127.0.0.1'
/** The environment that trial mode answers for when a request names none. */
export const TRIAL_FLAG_SET_ID = 'default/development'

type Settings = {
  readonly port: number
  readonly host: string
  /** Undefined: the runtime's choice. */
  readonly grpcPort: number | undefined
  /** PEM texts; undefined: cleartext, as behind a platform that ends TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  readonly adminKey: string | undefined
  readonly freshnessMs: number
  readonly truthCheckMs: number
  /** Undefined: one replica, without copies and hints. */
  readonly redis: RedisAddress | undefined
  /** Whether `/metrics` is served here. */
  readonly metrics: boolean
  /** Whether event streams are served here. */
  readonly streams: boolean
  /** Origin of the service that serves them; undefined: the one that was asked. */
  readonly streamOrigin: string | undefined
  readonly streamSecondsMax: number
  readonly rpcStreamSecondsMax: number
  /** Static values over every caller's evaluation context. */
  readonly contextValues: JsonObject
  readonly drainSeconds: number
  /** How long requests still come after the stop signal, because whoever sends them learns of it late. */
  readonly drainDelaySeconds: number
  readonly bodyBytesMax: number
  /** Under way at once; 0: any number. */
  readonly requestsMax: number
  /** How late the event loop may be; 0: as late as it is. */
  readonly loopDelayMsMax: number
  /** Origins whose pages may evaluate; undefined: all. */
  readonly corsOrigins: readonly string[] | undefined
  readonly logLevel: Level
  /** Of which requests a line is logged: of none, of all but evaluations and probes, of all. */
  readonly accessLog: (typeof ACCESS_LEVELS)[number]
  readonly telemetry: TelemetryConfig
}
/** What the process was told by its environment. Without a database it is in trial mode and brings its own, in `folder`. */
export type Config = Settings &
  ({ readonly mode: 'service'; readonly databaseUrl: string } | { readonly mode: 'trial'; readonly folder: string })

type Read = Values<typeof VARIABLES>
type Environment = Readonly<Record<string, string | undefined>>

/** Reads and checks every variable at once. Throws one error with a line for each bad one; it names no value, since some are secret. */
export function readConfig(env: Environment): Config {
  const mistakes: string[] = unknownNames(env)
  const given = Object.fromEntries(VARIABLE_NAMES.map((name) => [name, readVariable(env, name, mistakes)]))
  const before = mistakes.length
  const read = check(given, mistakes)
  const areGood = mistakes.length === before
  const isTrial = !env['DATABASE_URL'] && !env['DATABASE_URL_FILE']
  if (isTrial && given['HOST'] !== undefined && given['HOST'] !== TRIAL_HOST)
    mistakes.push(`HOST: trial mode answers on ${TRIAL_HOST} only; set DATABASE_URL to serve others`)
  mistakes.push(...redisMistakes(given), ...tlsMistakes(given))
  if (areGood && read.DRAIN_DELAY_SECONDS > read.DRAIN_SECONDS / 2)
    mistakes.push('DRAIN_DELAY_SECONDS: expected at most half of DRAIN_SECONDS, of which it is a part')
  if (mistakes.length > 0) throw new Error(`Cannot start: ${mistakes.join('; ')}`)
  return Object.freeze(configOf(read, env))
}

/** What each variable is; one that is bad counts as not set, and is a mistake. */
function check(given: Environment, mistakes: string[]): Read {
  const entryOf = ([name, { unset, schema }]: [string, Variable<unknown, unknown>]) => {
    const value = given[name]
    if (value === undefined) return [name, unset]
    const result = v.safeParse(schema(), value)
    for (const { message } of result.issues ?? []) mistakes.push(`${name}: ${message}`)
    return [name, result.success ? result.output : unset]
  }
  return Object.fromEntries(Object.entries(VARIABLES).map(entryOf))
}

function configOf(read: Read, env: Environment): Config {
  const settings: Settings = {
    port: read.PORT,
    host: read.HOST ?? (read.DATABASE_URL === undefined ? TRIAL_HOST : '0.0.0.0'),
    grpcPort: read.GRPC_PORT,
    tls: tlsOf(read),
    adminKey: read.FLAGSTAFF_ADMIN_KEY,
    freshnessMs: read.FRESHNESS_MS,
    truthCheckMs: read.TRUTH_CHECK_MS,
    redis: redisOf(read),
    metrics: read.FLAGSTAFF_METRICS === 'on',
    streams: read.FLAGSTAFF_STREAMS === 'on',
    streamOrigin: read.FLAGSTAFF_STREAM_URL,
    streamSecondsMax: read.STREAM_SECONDS_MAX,
    rpcStreamSecondsMax: read.RPC_STREAM_SECONDS_MAX,
    contextValues: read.FLAGSTAFF_CONTEXT_VALUES,
    drainSeconds: read.DRAIN_SECONDS,
    drainDelaySeconds: read.DRAIN_DELAY_SECONDS,
    bodyBytesMax: read.BODY_BYTES_MAX,
    requestsMax: read.REQUESTS_MAX,
    loopDelayMsMax: read.LOOP_DELAY_MS_MAX,
    corsOrigins: read.CORS_ORIGINS,
    logLevel: read.LOG_LEVEL,
    accessLog: read.FLAGSTAFF_ACCESS_LOG ?? (read.DATABASE_URL === undefined ? 'none' : 'some'),
    telemetry: telemetryOf(read, env),
  }
  if (read.DATABASE_URL === undefined) return { ...settings, mode: 'trial', folder: read.FLAGSTAFF_TRIAL_DIR }
  return { ...settings, mode: 'service', databaseUrl: read.DATABASE_URL }
}

/**
 * The value of a variable: its own, or the content of the file that NAME_FILE names. An empty one is none; an empty file is
 * a mistake, because a secret that was not filled in must not make a deployment a trial.
 */
function readVariable(env: Environment, name: string, mistakes: string[]): string | undefined {
  const own = env[name] || undefined
  const file = env[`${name}_FILE`] || undefined
  if (file === undefined) return own
  if (own !== undefined) mistakes.push(`${name}: set it or ${name}_FILE, not both`)
  try {
    const content = process
      .getBuiltinModule('node:fs')
      .readFileSync(file, 'utf8')
      .replace(/\r?\n$/, '')
    if (content === '') mistakes.push(`${name}_FILE: the file that it names is empty`)
    return content || undefined
  } catch {
    mistakes.push(`${name}_FILE: cannot read the file that it names`)
    return undefined
  }
}

/** Redis is reached in one way, and Upstash's needs both of its variables. */
function redisMistakes(given: Environment): string[] {
  const rest = [given['UPSTASH_REDIS_REST_URL'], given['UPSTASH_REDIS_REST_TOKEN']].filter(
    (value) => value !== undefined,
  )
  if (rest.length === 1) return ['UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: set both or neither']
  return rest.length > 0 && given['REDIS_URL'] !== undefined
    ? ['REDIS_URL: set it or UPSTASH_REDIS_REST_URL, not both']
    : []
}

function tlsMistakes(given: Environment): string[] {
  const isHalf = (given['TLS_CERT'] === undefined) !== (given['TLS_KEY'] === undefined)
  return isHalf ? ['TLS_CERT_FILE and TLS_KEY_FILE: set both or neither'] : []
}

function tlsOf({ TLS_CERT: cert, TLS_KEY: key }: Read): Config['tls'] {
  return cert !== undefined && key !== undefined ? { cert, key } : undefined
}

function redisOf(read: Read): RedisAddress | undefined {
  const { REDIS_URL: url, UPSTASH_REDIS_REST_URL: restUrl, UPSTASH_REDIS_REST_TOKEN: restToken } = read
  if (url !== undefined) return { url }
  return restUrl !== undefined && restToken !== undefined ? { restUrl, restToken } : undefined
}

/**
 * What Kubernetes tells every container about a Service named "flagstaff…" of its namespace:
 * https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
const SERVICE_LINK =
  /^FLAGSTAFF_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** A misspelt variable of ours would silently do nothing. */
function unknownNames(env: Environment): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('FLAGSTAFF_') && !SERVICE_LINK.test(name))
    .filter((name) => !(name.replace(/_FILE$/, '') in VARIABLES))
    .map((name) => `${name}: no such variable`)
}
