import { parseArgs } from 'node:util'
import {
  anyText,
  type EnvironmentVariables,
  type Findings,
  integer,
  isHttpUrl,
  oneOf,
  parseValues,
  readTexts,
  text,
} from '../config/variables.ts'
import { LEVELS, type Level } from '../telemetry/log.ts'
import type { ServiceAddress } from './service.ts'

const VARIABLES = {
  FLAGSTAFF_URL: text(undefined, isHttpUrl, 'expected http(s)://host[:port][/path]'),
  FLAGSTAFF_KEY: anyText(undefined),
  OPERATOR_NAMESPACE: anyText(undefined),
  OPERATOR_RESYNC_SECONDS: integer(600, 10, 86_400),
  HOST: anyText('0.0.0.0'),
  PORT: integer(8080, 0, 65_535),
  LOG_LEVEL: oneOf<Level, Level>('info', LEVELS),
}

export type OperatorConfig = {
  readonly service: ServiceAddress
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  /** Reconcile all resources once and exit. */
  readonly once: boolean
  /** Each resource is reconciled after this time, also without a change. */
  readonly resyncMs: number
  readonly host: string
  readonly port: number
  readonly logLevel: Level
}

/**
 * Reads the arguments `[--once] [--all-namespaces]` and the environment. `namespace` is used where OPERATOR_NAMESPACE is not set. Throws one error
 * that names everything that is wrong.
 */
export function readOperatorConfig(
  args: readonly string[],
  env: EnvironmentVariables,
  namespace: string | undefined,
): OperatorConfig {
  const options = {
    once: { type: 'boolean', default: false },
    'all-namespaces': { type: 'boolean', default: false },
  } as const
  const { values: flags } = parseArgs({ args: [...args], options })
  const findings: Findings = { mistakes: [], warnings: [] }
  const keyFile = env['FLAGSTAFF_KEY_FILE']
  const values = parseValues(
    VARIABLES,
    readTexts({ ...env, FLAGSTAFF_KEY_FILE: undefined }, Object.keys(VARIABLES), findings),
    findings,
  )
  const { FLAGSTAFF_URL: url, FLAGSTAFF_KEY: key, OPERATOR_NAMESPACE: own = namespace } = values
  if (url === undefined) findings.mistakes.push('FLAGSTAFF_URL: expected the URL of Flagstaff')
  if ((key === undefined) === (keyFile === undefined))
    findings.mistakes.push('FLAGSTAFF_KEY_FILE or FLAGSTAFF_KEY: expected one of both')
  if (!flags['all-namespaces'] && own === undefined)
    findings.mistakes.push('OPERATOR_NAMESPACE: expected a namespace, or the argument --all-namespaces')
  if (url === undefined || findings.mistakes.length > 0)
    throw new Error(`Cannot start the operator:\n${findings.mistakes.map((mistake) => `  ${mistake}`).join('\n')}`)
  return {
    service: { url: url.replace(/\/$/, ''), key, keyFile },
    namespace: flags['all-namespaces'] ? undefined : own,
    once: flags.once,
    resyncMs: values.OPERATOR_RESYNC_SECONDS * 1_000,
    host: values.HOST,
    port: values.PORT,
    logLevel: values.LOG_LEVEL,
  }
}
