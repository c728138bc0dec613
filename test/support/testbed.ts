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
  /** The file of the flag set that is selected; undefined: none. */
  selector: string | undefined
  context: Attributes
  value: unknown
  reason: string | undefined
  errorCode: string | undefined
}

type Flag = { state: string; variants: Record<string, FlagValue>; defaultVariant?: string | null; targeting?: object }

const FLAGS = 'flagd-testbed/flags'
const FEATURES = 'flagd-testbed/gherkin'
const EVALUATOR_FEATURES = 'flagd-testbed/evaluator/gherkin'
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

/** A flag set, and what scenarios state about its flags. */
export type Suite = { readonly set: string; readonly document: Document; readonly statements: readonly Statement[] }

/** The flag sets of `readSets()`. */
export function readSuites(sets: ReadonlyMap<string, Document>): Suite[] {
  const features = ['evaluation', 'disabled', 'targeting', 'metadata'].map((name) => `${FEATURES}/${name}.feature`)
  const statements = features.flatMap(readStatements)
  return [...sets].map(([set, document]) => ({ set, document, statements: set === 'all' ? statements : [] }))
}

/** The flag set of the test bed's evaluator scenarios. */
export function readEvaluatorSuite(set: string): Suite {
  const features = listFiles(EVALUATOR_FEATURES, '.feature').map((name) => `${EVALUATOR_FEATURES}/${name}`)
  const document = readJson('flagd-testbed/evaluator/flags/testkit-flags.json') as Document
  return { set, document, statements: features.flatMap(readStatements) }
}

/** Every flag in every context of its scenarios, and in none; expectations do not come from our evaluator. */
export const readCases = (sets: ReadonlyMap<string, Document>): Case[] =>
  readSuites(sets).flatMap((suite) => casesOf(suite, contextsOf))

/** Every flag of a suite in no context, and in those that `choose` takes from its scenarios. */
export function casesOf(suite: Suite, choose: (suite: Suite, key: string) => Attributes[]): Case[] {
  const { set, document, statements } = suite
  return Object.keys(document.flags).flatMap((key) => {
    const contexts = [{}, ...choose(suite, key), ...(MORE_CONTEXTS[key] ?? [])].map((context) =>
      JSON.stringify(context),
    )
    return [...new Set(contexts)].map((text) => {
      const same = statements.filter((stated) => stated.key === key && JSON.stringify(stated.context) === text)
      return caseOf({ set, document, key, context: JSON.parse(text) }, same)
    })
  })
}

/** The contexts of a flag's scenarios. */
function contextsOf({ statements }: Suite, key: string): Attributes[] {
  return statements.filter((stated) => stated.key === key).map(({ context }) => context)
}

/** The contexts of a flag's scenarios, and those of other flags with an attribute that the flag's rule reads. */
export function relatedContextsOf({ document, statements }: Suite, key: string): Attributes[] {
  const names = attributesOf((document.flags[key] as Flag).targeting, document.$evaluators ?? {})
  const isRelated = ({ context }: Statement) => Object.keys(context).some((name) => names.has(name))
  return statements.filter((stated) => stated.key === key || isRelated(stated)).map(({ context }) => context)
}

/** The names of the context's members that a rule reads. `fractional` reads the targeting key if its first operand is a bucket. */
function attributesOf(rule: unknown, evaluators: Readonly<Record<string, unknown>>): Set<string> {
  if (typeof rule !== 'object' || rule === null) return new Set()
  return Object.entries(rule).reduce((names, [operator, operand]) => {
    const [path] = [operand].flat()
    if (operator === 'var') names.add(String(path).split('.')[0] ?? '')
    if (operator === 'fractional' && Array.isArray(path)) names.add('targetingKey')
    const inner = operator === '$ref' ? evaluators[String(operand)] : operand
    return names.union(attributesOf(inner, evaluators))
  }, new Set<string>())
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

function readStatements(file: string): Statement[] {
  const isOurs = ({ tags }: Scenario) =>
    !['@fractional-v1', '@fractional-v3', '@deprecated', '@metadata-provider'].some((tag) => tags.has(tag))
  return readFeature(readText(file))
    .filter(isOurs)
    .flatMap((scenario) => statementOf(scenario) ?? [])
    .filter(({ value, selector }) => value !== undefined && selector === undefined)
}

/** Undefined: the scenario is not about one evaluation, or states only metadata. */
export function statementOf({ steps }: Scenario): Statement | undefined {
  const find = (pattern: RegExp) =>
    steps.map(({ text }) => pattern.exec(text)?.slice(1)).filter((match) => match !== undefined)
  const [[selector] = []] = find(/^an option "selector" of type "String" with value "(.*)"$/)
  const [[type = '', key = '', fallback = ''] = []] = find(
    /^an? (\w+)-flag with key "(.*?)" and a (?:default|fallback) value "(.*)"$/,
  )
  const [[value] = []] = find(/^the resolved details value should be "(.*)"$/)
  const [[reason] = []] = find(/^the reason should be "(.*)"$/)
  const [[errorCode] = []] = find(/^the error-code should be "(.*)"$/)
  if (value === undefined && !errorCode && reason !== 'ERROR') return undefined
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
    selector,
    context,
    value: value === undefined ? undefined : parse(type, value),
    reason,
    errorCode,
  }
}

/** Values are written as text, with their type beside them. */
const parse = (type: string, text: string): unknown =>
  type === 'String' ? text : JSON.parse(text.replaceAll('\\"', '"'))
