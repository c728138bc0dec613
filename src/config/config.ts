import type { JsonObject } from '@bufbuild/protobuf'
import * as v from 'valibot'
import { isRecord } from '../flag/definition.ts'
import type { DatabaseAddress } from '../repository/postgres/database-address.ts'
import type { RedisAddress } from '../repository/redis/redis.ts'
import type { Level } from '../telemetry/log.ts'
import type { TelemetryConfig } from '../telemetry/open-telemetry.ts'
import { databaseAddress } from './database.ts'
import { HTTP_VARIABLES, type HttpConfig, httpOf, tlsMistakes } from './http.ts'
import { REDIS_VARIABLES, redisMistakes, redisOf } from './redis.ts'
import { type AccessLevel, isDisabled, TELEMETRY_VARIABLES, telemetryOf } from './telemetry.ts'
import {
  type Environment,
  type Findings,
  integer,
  isHttpOrigin,
  oneOf,
  parseValues,
  readTexts,
  secret,
  text,
  unknownNames,
  type Values,
  type Variable,
} from './variables.ts'

const parseObject = (json: string): JsonObject => JSON.parse(json)
const isJsonObject = (json: string) => {
  try {
    return isRecord(parseObject(json))
  } catch {
    return false
  }
}
const isAny = () => true
const SWITCH = ['on', 'off'] as const

const contextValues: Variable<JsonObject, JsonObject> = {
  unset: {},
  schema: () =>
    v.pipe(v.string(), v.check(isJsonObject, 'expected a JSON object of context values'), v.transform(parseObject)),
}
/** Every variable we read, with its check. Variables of the form NAME_FILE are read from the file that they name. */
const VARIABLES = {
  ...HTTP_VARIABLES,
  ...REDIS_VARIABLES,
  ...TELEMETRY_VARIABLES,
  DATABASE_URL: text(undefined, isAny, ''),
  FLAGSTAFF_TRIAL_DIR: text('.flagstaff', isAny, ''),
  FLAGSTAFF_ADMIN_KEY: secret(24, 512),
  FRESHNESS_MS: integer(1_000, 10, 60_000),
  TRUTH_CHECK_MS: integer(10_000, 10, 3_600_000),
  FLAGSTAFF_METRICS: oneOf('on', SWITCH),
  FLAGSTAFF_STREAMS: oneOf('on', SWITCH),
  FLAGSTAFF_STREAM_URL: text(undefined, isHttpOrigin, 'expected https://host[:port], without a path'),
  STREAM_SECONDS_MAX: integer(240, 10, 86_400),
  RPC_STREAM_SECONDS_MAX: integer(3_600, 10, 86_400),
  FLAGSTAFF_CONTEXT_VALUES: contextValues,
}
/** Every name that we read; each may end in _FILE instead. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES)
/** The environment that trial mode answers for when a request names none. */
export const TRIAL_FLAG_SET_ID = 'default/development'

type Settings = HttpConfig & {
  readonly adminKey: string | undefined
  readonly freshnessMs: number
  readonly truthCheckMs: number
  /** Undefined: one replica, without snapshots in Redis and invalidation. */
  readonly redis: RedisAddress | undefined
  /** Whether `/metrics` is served here. */
  readonly metrics: boolean
  /** Whether event streams are served here. */
  readonly streams: boolean
  /** Origin of the service that serves them; undefined: that of the request. */
  readonly streamOrigin: string | undefined
  readonly streamSecondsMax: number
  readonly rpcStreamSecondsMax: number
  /** Static values over every caller's evaluation context. */
  readonly contextValues: JsonObject
  readonly logLevel: Level
  /** Of which requests a line is logged: of none, of all but evaluations and probes, of all. */
  readonly accessLog: AccessLevel
  readonly telemetry: TelemetryConfig
  /** Variables that were ignored, and why; to be logged. */
  readonly warnings: readonly string[]
}
/** The parsed environment. Without a database the process is in trial mode and brings its own, in `folder`. */
export type Config = Settings &
  (
    | { readonly mode: 'service'; readonly database: DatabaseAddress }
    | { readonly mode: 'trial'; readonly folder: string }
  )

type Read = Values<typeof VARIABLES>

/** Reads and checks every variable at once. Throws one error with a line for each mistake; it names no value, since some are secret. */
export function readConfig(env: Environment): Config {
  const findings: Findings = { mistakes: [], warnings: [] }
  const { mistakes } = findings
  mistakes.push(...unknownNames(env, VARIABLE_NAMES))
  const given = readTexts(env, VARIABLE_NAMES, findings)
  const read = parseValues(VARIABLES, given, findings)
  mistakes.push(...redisMistakes(given), ...tlsMistakes(env))
  const isTrial = !env['DATABASE_URL'] && !env['DATABASE_URL_FILE']
  const settings = settingsOf(read, { isTrial, findings })
  const database = read.DATABASE_URL === undefined ? undefined : databaseAddress(read.DATABASE_URL, env, mistakes)
  if (mistakes.length > 0) throw new Error(mistakes.map((mistake) => `Cannot start: ${mistake}`).join('\n'))
  return Object.freeze(
    database
      ? { ...settings, mode: 'service', database }
      : { ...settings, mode: 'trial', folder: read.FLAGSTAFF_TRIAL_DIR },
  )
}

type Mode = { readonly isTrial: boolean; readonly findings: Findings }

function settingsOf(read: Read, { isTrial, findings: { mistakes, warnings } }: Mode): Settings {
  return {
    ...httpOf(read, isTrial, mistakes),
    adminKey: read.FLAGSTAFF_ADMIN_KEY,
    freshnessMs: read.FRESHNESS_MS,
    truthCheckMs: read.TRUTH_CHECK_MS,
    redis: redisOf(read, mistakes),
    metrics: read.FLAGSTAFF_METRICS === 'on',
    streams: read.FLAGSTAFF_STREAMS === 'on',
    streamOrigin: read.FLAGSTAFF_STREAM_URL,
    streamSecondsMax: read.STREAM_SECONDS_MAX,
    rpcStreamSecondsMax: read.RPC_STREAM_SECONDS_MAX,
    contextValues: read.FLAGSTAFF_CONTEXT_VALUES,
    logLevel: read.LOG_LEVEL,
    accessLog: read.FLAGSTAFF_ACCESS_LOG ?? (isTrial ? 'none' : 'some'),
    telemetry: telemetryOf(read, warnings),
    warnings: isDisabled(read) ? [] : warnings,
  }
}
