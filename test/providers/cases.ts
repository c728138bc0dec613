import { listFiles, readText } from '../support/conformance.ts'
import { readFeature, type Scenario } from '../support/gherkin.ts'
import type { Document } from '../support/ofrep.ts'
import {
  casesOf,
  readEvaluatorSuite,
  readSets,
  readSuites,
  relatedContextsOf,
  type Statement,
  statementOf,
} from '../support/testbed.ts'
import { ERROR_CASES, ERROR_SET } from './error-cases.ts'

export type Mode = 'ofrep' | 'rpc' | 'in-process'
export type Type = 'boolean' | 'string' | 'integer' | 'float' | 'object'
/** The result of a provider; null: absent. A member that is undefined in an expectation is not compared. */
export type Answer = {
  readonly value?: unknown
  readonly variant?: string | null | undefined
  readonly reason?: string | null | undefined
  readonly error?: string | null | undefined
}
/** One evaluation. `origin` names its source, `bucketing` the algorithm that its expectation depends on. */
export type Case = {
  readonly id: number
  readonly origin: string
  readonly environment: string
  readonly key: string
  readonly type: Type
  readonly default: unknown
  readonly context: Readonly<Record<string, unknown>>
  readonly expected: Answer
  readonly bucketing?: Bucketing | undefined
  /** True for cases that only evaluations by the service can fail. */
  readonly isRemote?: true
}
export type Bucketing = 'v1' | 'v2' | 'v3'
export type EnvironmentPlan = { readonly document: Document; readonly bucketing: Bucketing }

const FOLDERS = { testbed: 'flagd-testbed/gherkin', evaluator: 'flagd-testbed/evaluator/gherkin' }
/** Features whose scenarios are about connections, options and caches. */
const NO_EVALUATION = ['config', 'connection', 'events', 'rpc-caching', 'sync-payload']
/** The environment of the flag set that a scenario selects. */
const SELECTED: Readonly<Record<string, string>> = {
  'flags/allFlags.json': 'testbed-v2',
  'rawflags/selector-flags.json': 'selector-flags',
}
/** Its answer depends on the context values of the service, which a scenario covers. */
const ENRICHED = 'flagd-context-aware'

/** The flag sets that the cases need, by the name of their environment. */
export function readEnvironments(): Map<string, EnvironmentPlan> {
  const sets = readSets()
  const testbed = sets.get('all') as Document
  const { document: evaluator } = readEvaluatorSuite('evaluator-v2')
  return new Map<string, EnvironmentPlan>([
    ...[...sets].map(([name, document]) => [name, { document, bucketing: 'v2' }] as const),
    ['testbed-v1', { document: testbed, bucketing: 'v1' }],
    ['testbed-v2', { document: testbed, bucketing: 'v2' }],
    ['testbed-v3', { document: testbed, bucketing: 'v3' }],
    ['evaluator-v1', { document: evaluator, bucketing: 'v1' }],
    ['evaluator-v2', { document: evaluator, bucketing: 'v2' }],
    ['errors', { document: ERROR_SET, bucketing: 'v2' }],
  ])
}

/** Flags with these names intentionally refer to a rule that does not exist. */
export const isDangling = (key: string): boolean => /^(ref-to-nonexistent-evaluator|unknown-reference)/.test(key)

/** Every evaluation that the published test bed states, every flag of it in related contexts, and every kind of error. */
export function makeCases(): Case[] {
  const cases = [
    ...readScenarios('testbed'),
    ...readScenarios('evaluator'),
    ...readFlags(),
    ...ERROR_CASES.map((one) => ({ ...one, origin: 'errors', environment: 'errors' })),
  ]
  return cases.map((one, id) => ({ ...one, id }))
}

/** In process, a provider uses its own bucketing, whatever the environment's setting. */
export const isFor = ({ bucketing, isRemote }: Case, mode: Mode, own: Bucketing): boolean =>
  mode !== 'in-process' || (!isRemote && (bucketing === undefined || bucketing === own))

function readScenarios(set: keyof typeof FOLDERS): Omit<Case, 'id'>[] {
  return listFiles(FOLDERS[set], '.feature')
    .map((file) => file.replace('.feature', ''))
    .filter((feature) => !NO_EVALUATION.includes(feature))
    .flatMap((feature) =>
      readFeature(readText(`${FOLDERS[set]}/${feature}.feature`))
        .filter(isEvaluation)
        .flatMap((scenario) => {
          const statement = statementOf(scenario)
          if (!statement) return []
          const bucketing = bucketingOf(scenario)
          const { selector } = statement
          const environment = selector === undefined ? `${set}-${bucketing ?? 'v2'}` : SELECTED[selector]
          if (environment === undefined) throw new Error(`No environment is selected by "${selector}"`)
          return [{ ...caseOf(statement), origin: `${set} ${feature}: ${scenario.name}`, environment, bucketing }]
        }),
    )
}

const isEvaluation = ({ steps, tags }: Scenario): boolean =>
  !tags.has('@deprecated') && !steps.some(({ text }) => text.includes('connection is lost'))

const bucketingOf = ({ tags }: Scenario): Bucketing | undefined =>
  (['v1', 'v3'] as const).find((version) => tags.has(`@fractional-${version}`)) ??
  (tags.has('@fractional') ? 'v2' : undefined)

/** A scenario that ends with the application's default may leave the error open. */
function caseOf({ key, type, fallback, context, value, reason, errorCode }: Statement) {
  const isDefault = value === undefined || JSON.stringify(value) === JSON.stringify(fallback)
  const error = errorCode || (isDefault ? undefined : null)
  const expected = { value: value === undefined ? fallback : value, reason, error }
  return { key, type: type.toLowerCase() as Type, default: fallback, context, expected }
}

function readFlags(): Omit<Case, 'id'>[] {
  return [...readSuites(readSets()), readEvaluatorSuite('evaluator-v2')].flatMap((suite) =>
    casesOf(suite, relatedContextsOf)
      .filter(({ key }) => key !== ENRICHED)
      .map(({ set, key, context, fallback, expected: { value, variant, reason, errorCode } }) => {
        const flag = suite.document.flags[key] as { variants: Record<string, unknown> }
        const type = typeOf(Object.values(flag.variants))
        const bucketing = JSON.stringify(flag).includes('"fractional"') ? 'v2' : undefined
        const expected = { value, variant: variant ?? null, reason, error: errorCode ?? null }
        return { origin: 'flags', environment: set, key, type, default: fallback, context, expected, bucketing }
      }),
  )
}

function typeOf(variants: readonly unknown[]): Type {
  const [first] = variants
  if (typeof first !== 'number') return typeof first as Type
  return variants.every((value) => Number.isInteger(value)) ? 'integer' : 'float'
}
