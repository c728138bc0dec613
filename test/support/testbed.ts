import { FlagdCore } from '@openfeature/flagd-core'
import { listFiles, readJson, readText } from './conformance.ts'
import { readFeature, type Scenario } from './gherkin.ts'
import type { Document } from './ofrep.ts'

export type Attributes = Readonly<Record<string, string | number | boolean | { [name: string]: string }>>
export type FlagValue = boolean | string | number | { [name: string]: never }
export type Expected = { value: unknown; variant?: string | undefined; reason: string; errorCode?: string | undefined }
/** One evaluation. `fallback` is the application's default, of the flag's type and different from the expected value. */
export type Case = { set: string; key: string; context: Attributes; fallback: FlagValue; expected: Expected }
/** The expectations of a scenario about one evaluation. */
export type Statement = {
  key: string
  /** Boolean, String, Integer, Float or Object. */
  type: string
  /** Default of the application. */
  fallback: unknown
  context: Attributes
  value: unknown
  reason: string | undefined
  errorCode: string | undefined
}

type Flag = { state: string; variants: Record<string, FlagValue>; defaultVariant?: string | null; targeting?: object }

const FLAGS = 'flagd-testbed/flags'
/** Contexts in no scenario, for branches that would otherwise not be covered. */
const MORE_CONTEXTS: Readonly<Record<string, readonly Attributes[]>> = {
  'context-aware': [{ fn: 'Sulisław', ln: 'Świętopełk', age: 29, customer: false }],
  'flagd-context-aware': [{ injectedmetadata: 'set' }],
  'fractional-basic-flag': ['a', 'b', 'c', 'some-longer-input', ''].map((text) => ({ hashing_input: text })),
}
/** In `cat`, a missing attribute is not a text for flagd in Go, nor here; only flagd-core converts it to "null". */
const MISSING_TEXT: Attributes = { user: { name: '' } }
const CODE_DEFAULT = Symbol('the default of the application')

/**
 * The flag sets of flagd's test bed. Files without metadata are merged into one, the last file winning. A file with metadata is a separate
 * set, as flagd treats it when selected.
 */
export function readSets(): Map<string, Document> {
  const merged = { flags: {}, $evaluators: {} }
  const sets = new Map<string, Document>([['all', merged]])
  for (const name of listFiles(FLAGS, '.json').sort()) {
    const document = readJson(`${FLAGS}/${name}`) as Document
    if (document.metadata) sets.set(name.replace('.json', ''), document)
    else for (const member of ['flags', '$evaluators'] as const) Object.assign(merged[member], document[member])
  }
  return sets
}

/** Every flag in every context of its scenarios, and in none; expectations do not come from our evaluator. */
export function readCases(sets: ReadonlyMap<string, Document>): Case[] {
  const statements = ['evaluation', 'disabled', 'targeting', 'metadata'].flatMap(readStatements)
  return [...sets].flatMap(([set, document]) =>
    Object.keys(document.flags).flatMap((key) => {
      const stated = set === 'all' ? statements.filter((statement) => statement.key === key) : []
      const contexts = [{}, ...stated.map(({ context }) => context), ...(MORE_CONTEXTS[key] ?? [])].map((context) =>
        JSON.stringify(context),
      )
      return [...new Set(contexts)].map((text) => {
        const same = stated.filter(({ context }) => JSON.stringify(context) === text)
        return caseOf({ set, document, key, context: JSON.parse(text) }, same)
      })
    }),
  )
}

type Asked = { set: string; document: Document; key: string; context: Attributes }

function caseOf({ set, document, key, context }: Asked, statements: readonly Statement[]): Case {
  const flag = document.flags[key] as Flag
  const found = hasRule(flag) ? askFlagd(document, key, context) : readOff(flag)
  const fallback = unlike(Object.values(flag.variants)[0], found.value)
  const settle = (value: unknown) => (value === CODE_DEFAULT ? fallback : value)
  for (const stated of statements) confirm(stated, found)
  return { set, key, context, fallback, expected: { ...found, value: settle(found.value) } }
}

/** If a scenario states a result, flagd's own implementation must have the same one: then the expectation is sound. */
function confirm({ key, value, reason, errorCode }: Statement, found: Expected): void {
  const isSame =
    (found.value === CODE_DEFAULT || JSON.stringify(found.value) === JSON.stringify(value)) &&
    (reason === undefined || reason === found.reason) &&
    (errorCode === undefined || errorCode === (found.errorCode ?? ''))
  if (!isSame)
    throw new Error(
      `The scenarios and flagd-core disagree on ${key}: ${JSON.stringify({ value, reason, errorCode, found })}`,
    )
}

const hasRule = ({ state, targeting }: Flag): boolean => state !== 'DISABLED' && Object.keys(targeting ?? {}).length > 0

/** The result of a flag without a rule is in its file. */
function readOff({ state, variants, defaultVariant }: Flag): Expected {
  if (state === 'DISABLED') return { value: CODE_DEFAULT, reason: 'DISABLED' }
  if (!defaultVariant) return { value: CODE_DEFAULT, reason: 'DEFAULT' }
  return { value: variants[defaultVariant], variant: defaultVariant, reason: 'STATIC' }
}

/** The result of flagd's own implementation for JavaScript, with this flag alone. */
function askFlagd({ flags, $evaluators }: Document, key: string, context: Attributes): Expected {
  const silent = () => undefined
  const core = new FlagdCore(undefined, { error: silent, warn: silent, info: silent, debug: silent })
  const flag = flags[key] as Flag
  core.setConfigurations(JSON.stringify({ flags: { [key]: flag }, $evaluators }))
  const type = typeof Object.values(flag.variants)[0] as 'boolean' | 'string' | 'number' | 'object'
  const unset = unlike(Object.values(flag.variants)[0], undefined)
  const { value, variant, reason, errorCode } = core.resolve(type, key, unset, { ...MISSING_TEXT, ...context })
  const isUnset = variant === undefined || errorCode !== undefined
  return {
    value: isUnset ? CODE_DEFAULT : value,
    variant: isUnset ? undefined : variant,
    reason: reason ?? '',
    ...(errorCode && { errorCode }),
  }
}

function unlike(sample: FlagValue | undefined, value: unknown): FlagValue {
  if (typeof sample === 'boolean') return value !== true
  if (typeof sample === 'number') return -99
  return typeof sample === 'string' ? 'the default of the application' : {}
}

function readStatements(feature: string): Statement[] {
  const isOurs = ({ tags }: Scenario) =>
    !['@fractional-v1', '@fractional-v3', '@deprecated', '@metadata-provider'].some((tag) => tags.has(tag))
  const scenarios = readFeature(readText(`flagd-testbed/gherkin/${feature}.feature`))
  return scenarios
    .filter(isOurs)
    .flatMap((scenario) => statementOf(scenario) ?? [])
    .filter(({ value }) => value !== undefined)
}

/** Undefined: the scenario is not about one evaluation, or states only metadata. */
export function statementOf({ steps }: Scenario): Statement | undefined {
  const find = (pattern: RegExp) =>
    steps.map(({ text }) => pattern.exec(text)?.slice(1)).filter((match) => match !== undefined)
  if (find(/^an option "(selector)"/).length > 0) return undefined
  const [[type = '', key = '', fallback = ''] = []] = find(
    /^an? (\w+)-flag with key "(.*?)" and a (?:default|fallback) value "(.*)"$/,
  )
  const [[value] = []] = find(/^the resolved details value should be "(.*)"$/)
  const [[reason] = []] = find(/^the reason should be "(.*)"$/)
  const [[errorCode] = []] = find(/^the error-code should be "(.*)"$/)
  if (value === undefined && !errorCode) return undefined
  const context: Record<string, Attributes[string]> = {}
  for (const [name = '', type = '', text = ''] of find(
    /^a context containing a key "(.*?)", with type "(.*?)" and with value "(.*)"$/,
  ))
    context[name] = parse(type, text) as string
  for (const [targetingKey = ''] of find(/^a context containing a targeting key with value "(.*)"$/))
    Object.assign(context, { targetingKey })
  for (const [outer = '', inner = '', text = ''] of find(
    /^a context containing a nested property with outer key "(.*)" and inner key "(.*)", with value "(.*)"$/,
  ))
    context[outer] = { [inner]: text }
  return {
    key,
    type,
    fallback: parse(type, fallback),
    context,
    value: value === undefined ? undefined : parse(type, value),
    reason,
    errorCode,
  }
}

/** Values are written as text, with their type beside them. */
const parse = (type: string, text: string): unknown =>
  type === 'String' ? text : JSON.parse(text.replaceAll('\\"', '"'))
