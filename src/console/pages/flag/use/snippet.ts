/** What a snippet is made for: one flag of one environment of this deployment. */
export type SnippetTarget = {
  readonly flagKey: string
  readonly type: 'boolean' | 'string' | 'number' | 'object'
  /** The application's own default; ignored for objects, whose default is empty. */
  readonly fallback: boolean | string | number
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
  /** The key of the environment; undefined where the deployment needs none. */
  readonly apiKey: string | undefined
  /** `<project>/<environment>`. */
  readonly flagSetId: string
}

/** How a provider reaches the service. */
export type SnippetProtocol = 'OFREP' | 'flagd rpc' | 'flagd in-process'

export type Snippet = {
  readonly protocol: SnippetProtocol
  readonly install: string
  readonly code: string
  /** Whether test/providers runs these calls against the published provider. */
  readonly isTested: boolean
  readonly note?: string
}

export type Language = {
  readonly id: string
  readonly name: string
  readonly snippets: (target: SnippetTarget) => readonly Snippet[]
}

/** Stands in for a key that is not known. */
export const KEY_PLACEHOLDER = 'YOUR_CLIENT_KEY'

/** `https://host:port`, without the port that the scheme implies. */
export function baseUrlOf({ host, port, isSecure }: SnippetTarget): string {
  const implied = isSecure ? 443 : 80
  return `${isSecure ? 'https' : 'http'}://${host}${port === implied ? '' : `:${port}`}`
}

/** The header that selects the environment: the key, or a selector where no key is needed. */
export function headerOf({ apiKey, flagSetId }: SnippetTarget): readonly [name: string, value: string] {
  return apiKey === undefined ? ['Flagd-Selector', `flagSetId=${flagSetId}`] : ['Authorization', `Bearer ${apiKey}`]
}

export const keyOf = ({ apiKey }: SnippetTarget): string => apiKey ?? KEY_PLACEHOLDER

/** Whether the fallback of a number flag is a whole number, so that typed languages use their integer call. */
const isWhole = ({ fallback }: SnippetTarget): boolean => Number.isSafeInteger(fallback)

/** Which of four or five words a language uses for the type of the flag. */
export function wordFor<Word>(
  target: SnippetTarget,
  words: { boolean: Word; string: Word; integer: Word; float: Word; object: Word },
): Word {
  if (target.type !== 'number') return words[target.type]
  return isWhole(target) ? words.integer : words.float
}

/** A text in double quotes, as JavaScript, Java, Go, C#, Python and Rust write it. */
export const quoted = (text: string): string => JSON.stringify(text)

/** A text in single quotes, as PHP and Ruby write one without interpolation. */
export const singleQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** A text in double quotes for Kotlin, which interpolates `$`. */
export const kotlinQuoted = (text: string): string => quoted(text).replaceAll('$', '\\$')

/** A constant in the notation that most languages share; a float always has a point. */
export function literal(target: SnippetTarget, quote: (text: string) => string = quoted): string {
  const { fallback } = target
  if (typeof fallback === 'string') return quote(fallback)
  return String(fallback)
}

/** Like `literal()`, with a point in a float, for typed languages. */
export function typedLiteral(target: SnippetTarget, quote?: (text: string) => string): string {
  const text = literal(target, quote)
  const isFloat = target.type === 'number' && !isWhole(target)
  return isFloat && /^-?\d+$/.test(text) ? `${text}.0` : text
}
