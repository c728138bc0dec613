import * as v from 'valibot'

/**
 * A variable of the environment: its value when it is not set, and the schema of its text. The schema is made for a variable that is set:
 * few are, and making all fifty takes longer at start than to listen.
 */
export type Variable<Value, Unset> = { readonly unset: Unset; readonly schema: () => v.GenericSchema<string, Value> }
/** The values of variables, by their names. */
export type Values<Variables> = {
  readonly [Name in keyof Variables]: Variables[Name] extends Variable<infer Value, infer Unset> ? Value | Unset : never
}

export const text = <Unset extends string | undefined>(
  unset: Unset,
  isRight: (text: string) => boolean,
  expected: string,
): Variable<string, Unset> => ({ unset, schema: () => v.pipe(v.string(), v.check(isRight, expected)) })

export const oneOf = <Value extends string, Unset extends Value | undefined>(
  unset: Unset,
  values: readonly Value[],
): Variable<Value, Unset> => ({
  unset,
  schema: () =>
    v.picklist(values, `expected ${values.length > 2 ? `one of ${values.join(', ')}` : values.join(' or ')}`),
})

const numeric = (unset: number, isRight: (text: string) => boolean, expected: string): Variable<number, number> => ({
  unset,
  schema: () => v.pipe(v.string(), v.check(isRight, expected), v.transform(Number)),
})

/** A whole number from `min` to `max`. */
export const integer = (unset: number, min: number, max: number): Variable<number, number> =>
  numeric(
    unset,
    (digits) => /^\d{1,12}$/.test(digits) && Number(digits) >= min && Number(digits) <= max,
    `expected a whole number from ${min} to ${max}`,
  )

/** A share from 0, none, to 1, all. */
export const share = (unset: number): Variable<number, number> =>
  numeric(unset, (digits) => /^\d*\.?\d+$/.test(digits) && Number(digits) <= 1, 'expected a number from 0 to 1')

/** A secret that clients or we send in a header: visible ASCII, of which every header can carry all. */
export const secret = (minLength: number, maxLength: number): Variable<string, undefined> =>
  text(
    undefined,
    (value) => value.length >= minLength && value.length <= maxLength && /^[\x21-\x7e]+$/.test(value),
    `expected at least ${minLength} and at most ${maxLength} characters, visible ASCII without spaces`,
  )

/** A URL of http or https, which names no user. */
export const isHttpUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === ''
}
/** An origin as browsers send it. */
export const isHttpOrigin = (text: string): boolean =>
  isHttpUrl(text) && new URL(text).origin === text && !text.includes('*')

/** `https://*.example.com`: the wildcard is the whole first label, and two labels or more follow it. */
const WILDCARD_ORIGIN = /^(https?:\/\/)\*\.(?=[^.:]+\.[^.:])/
const isOriginPattern = (text: string): boolean => isHttpOrigin(text.replace(WILDCARD_ORIGIN, '$1any.'))

/** Origins, separated by commas. */
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
