import fc from 'fast-check'
import { isRecord } from '../../../src/flag/definition.ts'
import { listFiles, readJson } from '../../support/conformance.ts'

/** Attributes of generated rules, and those of generated contexts. */
const attributes = fc.constantFrom('plan', 'country', 'age', 'version', 'email', 'tags', 'user.name', 'targetingKey')
const texts = fc.constantFrom('pro', 'DE', 'a@x.de', '@x.de', '1.2.3', '2.0.0', '5', '', 'two words', 'is', 'x"y')
const scalars = fc.oneof(texts, fc.integer({ min: -3, max: 40 }), fc.constantFrom<unknown>(true, false, null, 1.5))
const variable = fc.oneof(
  { weight: 4, arbitrary: attributes.map((path) => ({ var: path })) },
  { weight: 1, arbitrary: attributes.map((path) => ({ var: [path] })) },
  { weight: 1, arbitrary: fc.tuple(attributes, scalars).map((path) => ({ var: path })) },
)
const orders = fc.constantFrom('==', '!=', '===', '!==', '<', '<=', '>', '>=')
const versions = fc.constantFrom('1.0.0', '1.2.3', '2.0.0-beta.1', 'v2')
const tests = fc.constantFrom('=', '!=', '<', '<=', '>', '>=', '^', '~')
const timestamp = fc.constant({ var: '$flagd.timestamp' })
const seconds = fc.integer({ min: 1_749_999_990, max: 1_750_000_010 })

const clause = fc.oneof(
  fc.tuple(orders, variable, scalars).map(([name, left, right]) => ({ [name]: [left, right] })),
  fc.tuple(orders, scalars, variable).map(([name, left, right]) => ({ [name]: [left, right] })),
  fc.tuple(fc.constantFrom('<', '<='), scalars, variable, scalars).map(([name, ...parts]) => ({ [name]: parts })),
  fc.tuple(variable, fc.array(scalars, { maxLength: 4 })).map(([left, list]) => ({ in: [left, list] })),
  variable.map((left) => ({ in: [left, { $ref: 'countries' }] })),
  fc.tuple(scalars, variable).map((parts) => ({ in: parts })),
  fc.tuple(fc.constantFrom('starts_with', 'ends_with'), variable, texts).map(([name, ...parts]) => ({ [name]: parts })),
  fc.tuple(variable, tests, versions).map((parts) => ({ sem_ver: parts })),
  fc.tuple(versions, tests, variable).map((parts) => ({ sem_ver: parts })),
  fc.tuple(fc.constantFrom('!!', '!'), variable).map(([name, part]) => ({ [name]: part })),
  fc.tuple(fc.constantFrom('!!', '!'), variable).map(([name, part]) => ({ [name]: [part] })),
  variable,
  fc.tuple(fc.constantFrom('<', '<=', '>', '>='), timestamp, seconds).map(([name, ...parts]) => ({ [name]: parts })),
  fc.tuple(fc.constantFrom('<', '<='), seconds, timestamp, seconds).map(([name, ...parts]) => ({ [name]: parts })),
)
/** Rules that have no visual form. */
const advanced = fc.oneof(
  fc.tuple(variable, variable).map((parts) => ({ '==': parts })),
  fc.tuple(variable, scalars).map(([list, value]) => ({ some: [list, { '==': [{ var: '' }, value] }] })),
  fc.tuple(variable, scalars).map((parts) => ({ '>': [{ '+': parts }, 3] })),
  variable.map((part) => ({ missing: [part] })),
)

/** Conditions of every visual kind, and some advanced ones. */
export const { condition } = fc.letrec((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: clause },
    { weight: 1, arbitrary: advanced },
    { weight: 1, arbitrary: fc.constantFrom<unknown>({ $ref: 'staff' }, true, false) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(fc.constantFrom('and', 'or'), fc.array(tie('condition'), { minLength: 1, maxLength: 3 }))
        .map(([name, parts]) => ({ [name]: parts })),
    },
    { weight: 1, arbitrary: tie('condition').map((part) => ({ '!': [part] })) },
    { weight: 1, arbitrary: tie('condition').map((part) => ({ '!': part })) },
  ),
}))

export const VARIANTS = ['on', 'off', 'third'] as const
const variants = fc.oneof({ weight: 6, arbitrary: fc.constantFrom<unknown>(...VARIANTS) }, fc.constant(null))
const weights = fc.integer({ min: 0, max: 100 })
const share = fc.oneof(
  fc.tuple(variants, weights),
  variants.map((variant) => [variant]),
)
export const split = fc
  .tuple(
    fc.option(
      fc.oneof(
        attributes.map((path) => ({ var: path })),
        attributes.map((path) => ({ cat: [{ var: '$flagd.flagKey' }, { var: path }] })),
      ),
      { nil: undefined },
    ),
    fc.array(share, { minLength: 1, maxLength: 4 }),
  )
  .map(([by, shares]) => ({ fractional: by === undefined ? shares : [by, ...shares] }))
const computed = fc.constant({ if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on', 'off'] })
export const outcome = fc.oneof({ weight: 4, arbitrary: variants }, { weight: 2, arbitrary: split }, computed)

/** Targeting: chains, also nested in their else, splits and advanced rules. */
export const { targeting } = fc.letrec((tie) => ({
  pairs: fc
    .array(fc.tuple(condition, outcome), { minLength: 1, maxLength: 3 })
    .map((pairs) => pairs.flat() as readonly unknown[]),
  chain: fc
    .tuple(fc.constantFrom('if', 'if', '?:'), tie('pairs'), fc.option(fc.oneof(outcome, tie('targeting'))))
    .map(([name, pairs, last]) => ({ [name]: last === null ? pairs : [...(pairs as unknown[]), last] })),
  targeting: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 1, arbitrary: split },
    { weight: 1, arbitrary: outcome.map((last) => ({ if: [last] })) },
    { weight: 1, arbitrary: condition.filter(isRecord) },
    { weight: 6, arbitrary: tie('chain') },
  ),
}))

export const SEGMENTS = { staff: { ends_with: [{ var: 'email' }, '@x.de'] }, countries: ['DE', 'AT', 5] }

/** Valid boolean or text definitions. */
export const definition = fc
  .record(
    {
      state: fc.constantFrom('ENABLED', 'ENABLED', 'DISABLED'),
      variants: fc.constantFrom<Record<string, unknown>>(
        { on: true, off: false, third: true },
        { on: 'a', off: 'b', third: 'c' },
        { on: { x: [1, 'y'] }, off: {}, third: { x: [] } },
      ),
      defaultVariant: fc.constantFrom('on', 'off', null),
      targeting: fc.oneof({ weight: 8, arbitrary: targeting }, fc.constantFrom<unknown>({}, null)),
      metadata: fc.constant({ owner: 'web', tier: 2 }),
    },
    { requiredKeys: ['state', 'variants'], noNullPrototype: true },
  )
  .map((value) => value as Record<string, unknown>)

/** Contexts in which generated clauses hold, and others in which they do not. */
export const context = fc.record(
  {
    plan: scalars,
    country: scalars,
    age: scalars,
    version: fc.oneof(versions, scalars),
    email: scalars,
    tags: fc.oneof(fc.array(scalars, { maxLength: 3 }), scalars),
    user: fc.oneof(fc.record({ name: scalars }), scalars),
    targetingKey: fc.oneof(fc.string(), texts),
  },
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<Record<string, unknown>>

/** All targeting rules of the conformance data: flags, segments and single rules. */
export function conformanceRules(): unknown[] {
  const schemas = 'flagd-schemas/json/test'
  const folders = ['flagd-testbed/flags', 'flagd-testbed/evaluator/flags', 'provider-tck', `${schemas}/flags/positive`]
  const documents = [...folders, `${schemas}/targeting/positive`, `${schemas}/flagd/positive`].flatMap((folder) =>
    listFiles(folder, '.json').map((name) => readJson(`${folder}/${name}`)),
  )
  return documents.flatMap(rulesIn)
}

function rulesIn(document: unknown): unknown[] {
  if (!isRecord(document)) return []
  const { flags, $evaluators: segments, '*': rules } = document
  const targetings = Object.values(Object(flags)).map((flag) => (flag as { targeting?: unknown }).targeting)
  return [...targetings, ...Object.values(Object(segments)), ...Object.values(Object(rules))].filter(
    (rule) => rule !== undefined,
  )
}
