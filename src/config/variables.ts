import * as v from 'valibot'

/**
 * An environment variable: its default, and the schema of its text. The schema is created only for a variable that is set,
 * because creating all fifty would take longer at start than listening.
 */
export type Variable<Value, Unset> = { readonly unset: Unset; readonly schema: () => v.GenericSchema<string, Value> }
/** The values of variables, by name. */
export type VariableValues<Variables> = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer Value, infer Unset> ? Value | Unset : never
}

/** A text that `isValid` accepts. `expected` is the message for any other text. */
export const text = <Unset extends string | undefined>(
  unset: Unset,
  isValid: (text: string) => boolean,
  expected: string,
): Variable<string, Unset> => ({ unset, schema: () => v.pipe(v.string(), v.check(isValid, expected)) })

export const oneOf = <Value extends string, Unset extends Value | undefined>(
  unset: Unset,
  values: readonly Value[],
): Variable<Value, Unset> => ({
  unset,
  schema: () =>
    v.picklist(values, `expected ${values.length > 2 ? `one of ${values.join(', ')}` : values.join(' or ')}`),
})

/** Any text. */
export const anyText = <Unset extends string | undefined>(unset: Unset): Variable<string, Unset> => ({
  unset,
  schema: v.string,
})

const numeric = (unset: number, isValid: (text: string) => boolean, expected: string): Variable<number, number> => ({
  unset,
  schema: () => v.pipe(v.string(), v.check(isValid, expected), v.transform(Number)),
})

/** A whole number from `min` to `max`. */
export const integer = (unset: number, min: number, max: number): Variable<number, number> =>
  numeric(
    unset,
    (digits) => /^\d{1,12}$/.test(digits) && Number(digits) >= min && Number(digits) <= max,
    `expected a whole number from ${min} to ${max}`,
  )

/** A fraction from 0 to 1. */
export const share = (unset: number): Variable<number, number> =>
  numeric(unset, (digits) => /^\d*\.?\d+$/.test(digits) && Number(digits) <= 1, 'expected a number from 0 to 1')

/** A secret that is sent in a header: visible ASCII without spaces. */
export const secret = (minLength: number, maxLength: number): Variable<string, undefined> =>
  text(
    undefined,
    (value) => value.length >= minLength && value.length <= maxLength && /^[\x21-\x7e]+$/.test(value),
    `expected at least ${minLength} and at most ${maxLength} characters, visible ASCII without spaces`,
  )

/** An http or https URL without user and password. */
export const isHttpUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === ''
}
/** An origin, as in a browser's Origin header. */
export const isHttpOrigin = (text: string): boolean =>
  isHttpUrl(text) && new URL(text).origin === text && !text.includes('*')

/** `https://*.example.com`: the wildcard is the whole first label, before at least two other labels. */
const WILDCARD_ORIGIN = /^(https?:\/\/)\*\.(?=[^.:]+\.[^.:])/
const isOriginPattern = (text: string): boolean => isHttpOrigin(text.replace(WILDCARD_ORIGIN, '$1any.'))

/** Origins separated by commas. */
export const origins: Variable<readonly string[], undefined> = {
  unset: undefined,
  schema: () =>
    v.pipe(
      v.string(),
      v.transform((list) =>
        list
          .split(',')
          .map((origin) => origin.trim())
          .filter(Boolean),
      ),
      v.check(
        (list) => list.every(isOriginPattern),
        'expected origins such as https://app.example.com or https://*.example.com, separated by commas',
      ),
    ),
}

/** The environment of the process. */
export type EnvironmentVariables = Readonly<Record<string, string | undefined>>
/** Messages that begin with the name of a variable. A mistake prevents the start; after a warning the default applies. */
export type Findings = { readonly mistakes: string[]; readonly warnings: string[] }
type Variables = Readonly<Record<string, Variable<unknown, unknown>>>

/** The text of each variable that is set, trimmed. */
export function readTexts(
  env: EnvironmentVariables,
  names: readonly string[],
  findings: Findings,
): EnvironmentVariables {
  return Object.fromEntries(names.map((name) => [name, readText(env, name, listFor(name, findings))]))
}

/** The value of each variable; the default if it is not set or invalid. */
export function parseValues<Read extends Variables>(
  variables: Read,
  texts: EnvironmentVariables,
  findings: Findings,
): VariableValues<Read> {
  const entryOf = ([name, { unset, schema }]: [string, Variable<unknown, unknown>]) => {
    const value = texts[name]
    if (value === undefined) return [name, unset]
    const result = v.safeParse(schema(), value)
    for (const { message } of result.issues ?? []) listFor(name, findings).push(`${name}: ${message}`)
    return [name, result.success ? result.output : unset]
  }
  return Object.fromEntries(Object.entries(variables).map(entryOf))
}

/** Invalid OpenTelemetry variables do not prevent the start: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. */
const listFor = (name: string, { mistakes, warnings }: Findings): string[] =>
  name.startsWith('OTEL_') ? warnings : mistakes

/**
 * The text of a variable, or the content of the file that NAME_FILE names. An empty variable is not set. A blank variable or
 * an empty file is a mistake: a deployment with an empty secret must not start in trial mode.
 */
function readText(env: EnvironmentVariables, name: string, problems: string[]): string | undefined {
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
 * Variables that Kubernetes sets in every container for a Service named "flagstaff…" in its namespace:
 * https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
const SERVICE_LINK =
  /^FLAGSTAFF_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** A mistake for each unknown FLAGSTAFF_* variable, which may be misspelt. */
export function unknownNames(env: EnvironmentVariables, names: readonly string[]): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('FLAGSTAFF_') && !SERVICE_LINK.test(name))
    .filter((name) => !names.includes(name.replace(/_FILE$/, '')))
    .map((name) => `${name}: no such variable`)
}
