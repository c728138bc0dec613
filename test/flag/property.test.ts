import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkDefinition, checkShape } from '../../src/flag/check/definition.ts'
import { readDocument } from '../../src/flag/check/document.ts'
import type { Bucketing, Definition } from '../../src/flag/definition.ts'
import { STEPS_MAX } from '../../src/flag/definition.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { RuleFault } from '../../src/flag/rules/expression.ts'
import { compileRule, OPERATORS } from '../../src/flag/rules/rule.ts'
import { NOW, ruled } from '../support/flag-set.ts'

const names = fc.constantFrom('a', 'b', 'items', 'targetingKey', '__proto__', 'constructor', '$flagd', 'length', '')
const paths = fc.array(names, { minLength: 1, maxLength: 3 }).map((steps) => steps.join('.'))
const scalars = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    0,
    1,
    -1,
    0.5,
    2 ** 53,
    2_147_483_647,
    1e308,
    '',
    'a',
    '1.2.3',
    '^',
    '=',
    '1',
    '😀',
    '\ud800',
  ),
  fc.integer(),
  fc.double(),
  fc.string(),
  paths,
)
const { context } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalars, fc.array(tie('value'), { maxLength: 6 }), tie('context')),
  context: fc.dictionary(names, tie('value'), { maxKeys: 6 }),
}))
const operators = fc.constantFrom(...OPERATORS.keys(), 'unknown', '$ref')
const { rule } = fc.letrec((tie) => ({
  rule: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    scalars,
    paths.map((path) => ({ var: path })),
    fc.constantFrom('s', 't', 'gone').map((name) => ({ $ref: name })),
    fc.array(tie('rule'), { maxLength: 4 }),
    fc
      .tuple(operators, fc.oneof(tie('rule'), fc.array(tie('rule'), { maxLength: 4 })))
      .map(([name, operands]) => ({ [name]: operands })),
    fc.dictionary(fc.oneof(operators, names), tie('rule'), { maxKeys: 3 }),
  ),
}))
const bucketings = fc.constantFrom<Bucketing>('v1', 'v2', 'v3')

test('any rule in any context has a result, the same each time', () => {
  fc.assert(
    fc.property(rule, rule, context, bucketings, (targeting, segment, attributes, bucketing) => {
      const flags = new Map([['flag', ruled(targeting)]])
      const set = compileFlagSet({ flags, segments: { s: segment, t: { $ref: 's' } }, metadata: {}, bucketing })
      const before = JSON.stringify(attributes)
      const answer = evaluateKey(set, 'flag', attributes as Record<string, unknown>, NOW)
      assert.match(answer.reason, /^(STATIC|DEFAULT|TARGETING_MATCH|ERROR)$/)
      assert.deepEqual(evaluateKey(set, 'flag', attributes as Record<string, unknown>, NOW), answer)
      assert.equal(JSON.stringify(attributes), before)
    }),
    { numRuns: 5000 },
  )
})

test('any rule ends within its step limit, and in time', () => {
  fc.assert(
    fc.property(rule, context, bucketings, (targeting, attributes, bucketing) => {
      const frame = { flagKey: 'flag', now: NOW, context: attributes, whole: undefined, steps: 0 }
      const start = performance.now()
      try {
        compileRule(targeting, { segments: new Map(), bucketing }).expression(attributes, frame)
        assert.ok(frame.steps <= STEPS_MAX)
      } catch (error) {
        assert.ok(error instanceof RuleFault, String(error))
      }
      assert.ok(performance.now() - start < 1000)
    }),
    { numRuns: 5000 },
  )
})

test('any JSON is read, checked and compiled without an exception', () => {
  const anything = fc.oneof(fc.jsonValue(), context, rule)
  fc.assert(
    fc.property(anything, anything, anything, (variants, targeting, top) => {
      const definition = { state: 'ENABLED', variants, targeting, defaultVariant: top }
      readDocument({ flags: { flag: definition, top }, $evaluators: top, metadata: variants })
      readDocument(top)
      checkShape(top)
      checkDefinition(definition, {})
      const flags = new Map([
        ['flag', definition as unknown as Definition],
        ['top', top as unknown as Definition],
      ])
      const set = compileFlagSet({ flags, segments: {}, metadata: {}, bucketing: 'v2' })
      for (const key of flags.keys()) evaluateKey(set, key, {}, NOW)
    }),
    { numRuns: 3000 },
  )
})

test('a definition without mistakes never results in PARSE_ERROR', () => {
  fc.assert(
    fc.property(rule, context, (targeting, attributes) => {
      const definition = ruled(targeting)
      fc.pre(checkDefinition(definition, {}).length === 0)
      const flags = new Map([['flag', definition]])
      const set = compileFlagSet({ flags, segments: {}, metadata: {}, bucketing: 'v2' })
      const answer = evaluateKey(set, 'flag', attributes as Record<string, unknown>, NOW)
      assert.notEqual(answer.reason === 'ERROR' && answer.errorCode, 'PARSE_ERROR')
    }),
    { numRuns: 1000 },
  )
})
