import type { JsonObject } from '@bufbuild/protobuf'
import * as v from 'valibot'
import { isRecord } from '../flag/definition.ts'
import type { DatabaseAddress } from '../repository/postgres/connection/address.ts'
import type { RedisAddress } from '../repository/redis/address.ts'
import type { AccessLevel, Level } from '../telemetry/log.ts'
import type { TelemetryConfig } from '../telemetry/open-telemetry.ts'
import { databaseAddress } from './database.ts'
import { HTTP_VARIABLES, type HttpConfig, httpOf, tlsMistakes } from './http.ts'
import { REDIS_VARIABLES, redisMistakes, redisOf } from './redis.ts'
import { isDisabled, TELEMETRY_VARIABLES, telemetryOf } from './telemetry.ts'
import {
  anyText,
  type EnvironmentVariables,
  type Findings,
  integer,
  isHttpOrigin,
  oneOf,
  parseValues,
  readTexts,
  secret,
  text,
  unknownNames,
  type Variable,
  type VariableValues,
} from './variables.ts'

const parseObject = (json: string): JsonObject => JSON.parse(json)
const isJsonObject = (json: string) => {
  try {
    return isRecord(parseObject(json))
  } catch {
    return false
  }
}
const SWITCH = ['on', 'off'] as const

const contextValues: Variable<JsonObject, JsonObject> = {
  unset: {},
  schema: () =>
    v.pipe(v.string(), v.check(isJsonObject, 'expected a JSON object of context values'), v.transform(parseObject)),
}
/** All variables of the service. NAME_FILE names a file that contains the value of NAME. */
const VARIABLES = {
  ...HTTP_VARIABLES,
  ...REDIS_VARIABLES,
  ...TELEMETRY_VARIABLES,
  DATABASE_URL: anyText(undefined),
  FLAGSTAFF_TRIAL_DIR: anyText('.flagstaff'),
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
/** The names of all variables, without the suffix _FILE. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES)
/** The environment that trial mode evaluates if a request names none. */
export const TRIAL_FLAG_SET_ID = 'default/development'

type CommonConfig = HttpConfig & {
  readonly adminKey: string | undefined
  readonly freshnessMs: number
  readonly truthCheckMs: number
  /** Undefined: a single replica, without snapshots in Redis and invalidation. */
  readonly redis: RedisAddress | undefined
  /** Whether `/metrics` is served here. */
  readonly metrics: boolean
  /** Whether event streams are served here. */
  readonly streams: boolean
  /** Origin of the event streams in responses; undefined: the origin of the request. */
  readonly streamOrigin: string | undefined
  readonly streamSecondsMax: number
  readonly rpcStreamSecondsMax: number
  /** Static values that override the evaluation context of each request. */
  readonly contextValues: JsonObject
  readonly logLevel: Level
  /** Which requests are logged: none, all but evaluations and probes, all. */
  readonly accessLog: AccessLevel
  readonly telemetry: TelemetryConfig
  /** Messages about ignored variables, to be logged. */
  readonly warnings: readonly string[]
}
/** The parsed environment. Without DATABASE_URL, trial mode runs an embedded database in `folder`. */
export type Config = CommonConfig &
  (
    | { readonly mode: 'service'; readonly database: DatabaseAddress }
    | { readonly mode: 'trial'; readonly folder: string }
  )

type ConfigValues = VariableValues<typeof VARIABLES>

/** Parses all variables. Throws one error with a line for each mistake. Messages contain no values, because some are secret. */
export function readConfig(env: EnvironmentVariables): Config {
  const findings: Findings = { mistakes: [], warnings: [] }
  const { mistakes } = findings
  mistakes.push(...unknownNames(env, VARIABLE_NAMES))
  const texts = readTexts(env, VARIABLE_NAMES, findings)
  const values = parseValues(VARIABLES, texts, findings)
  mistakes.push(...redisMistakes(texts), ...tlsMistakes(env))
  const isTrial = !env['DATABASE_URL'] && !env['DATABASE_URL_FILE']
  const settings = settingsOf(values, { isTrial, findings })
  const database = values.DATABASE_URL === undefined ? undefined : databaseAddress(values.DATABASE_URL, env, mistakes)
  if (mistakes.length > 0) throw new Error(mistakes.map((mistake) => `Cannot start: ${mistake}`).join('\n'))
  return Object.freeze(
    database
      ? { ...settings, mode: 'service', database }
      : { ...settings, mode: 'trial', folder: values.FLAGSTAFF_TRIAL_DIR },
  )
}

type Mode = { readonly isTrial: boolean; readonly findings: Findings }

function settingsOf(values: ConfigValues, { isTrial, findings: { mistakes, warnings } }: Mode): CommonConfig {
  return {
    ...httpOf(values, isTrial, mistakes),
    adminKey: values.FLAGSTAFF_ADMIN_KEY,
    freshnessMs: values.FRESHNESS_MS,
    truthCheckMs: values.TRUTH_CHECK_MS,
    redis: redisOf(values, mistakes),
    metrics: values.FLAGSTAFF_METRICS === 'on',
    streams: values.FLAGSTAFF_STREAMS === 'on',
    streamOrigin: values.FLAGSTAFF_STREAM_URL,
    streamSecondsMax: values.STREAM_SECONDS_MAX,
    rpcStreamSecondsMax: values.RPC_STREAM_SECONDS_MAX,
    contextValues: values.FLAGSTAFF_CONTEXT_VALUES,
    logLevel: values.LOG_LEVEL,
    accessLog: values.FLAGSTAFF_ACCESS_LOG ?? (isTrial ? 'none' : 'some'),
    telemetry: telemetryOf(values, warnings),
    warnings: isDisabled(values) ? [] : warnings,
  }
}
