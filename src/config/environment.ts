import * as v from 'valibot'
import type { Values, Variable } from './variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>
/** Sentences that begin with the name of a variable. Mistakes end the start; warnings are logged, and the variable counts as not set. */
export type Findings = { readonly mistakes: string[]; readonly warnings: string[] }
type Variables = Readonly<Record<string, Variable<unknown, unknown>>>

/** The text of each variable that is set, without surrounding white space. */
export function readTexts(env: Environment, names: readonly string[], findings: Findings): Environment {
  return Object.fromEntries(names.map((name) => [name, readText(env, name, listFor(name, findings))]))
}

/** The value of each variable; one that is wrong counts as not set. */
export function parseValues<Read extends Variables>(
  variables: Read,
  texts: Environment,
  findings: Findings,
): Values<Read> {
  const entryOf = ([name, { unset, schema }]: [string, Variable<unknown, unknown>]) => {
    const value = texts[name]
    if (value === undefined) return [name, unset]
    const result = v.safeParse(schema(), value)
    for (const { message } of result.issues ?? []) listFor(name, findings).push(`${name}: ${message}`)
    return [name, result.success ? result.output : unset]
  }
  return Object.fromEntries(Object.entries(variables).map(entryOf))
}

/** OpenTelemetry's variables never end a start: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. */
const listFor = (name: string, { mistakes, warnings }: Findings): string[] =>
  name.startsWith('OTEL_') ? warnings : mistakes

/**
 * A variable's own text, or the content of the file that NAME_FILE names. An empty variable is none; a blank one or an empty file is a
 * mistake, because a secret that was not filled in must not make a deployment a trial.
 */
function readText(env: Environment, name: string, problems: string[]): string | undefined {
  const own = env[name] || undefined
  const file = env[`${name}_FILE`] || undefined
  if (file === undefined) {
    if (own !== undefined && own.trim() === '') problems.push(`${name}: it is blank`)
    return own?.trim() || undefined
  }
  if (own !== undefined) problems.push(`${name}: set it or ${name}_FILE, not both`)
  try {
    const content = process.getBuiltinModule('node:fs').readFileSync(file, 'utf8').trim()
    if (content === '') problems.push(`${name}_FILE: the file that it names is empty`)
    return content || undefined
  } catch {
    problems.push(`${name}_FILE: cannot read the file that it names`)
    return undefined
  }
}

/**
 * What Kubernetes tells every container about a Service named "flagstaff…" of its namespace:
 * https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
const SERVICE_LINK =
  /^FLAGSTAFF_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** A misspelt variable of ours would silently do nothing. */
export function unknownNames(env: Environment, names: readonly string[]): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('FLAGSTAFF_') && !SERVICE_LINK.test(name))
    .filter((name) => !names.includes(name.replace(/_FILE$/, '')))
    .map((name) => `${name}: no such variable`)
}
