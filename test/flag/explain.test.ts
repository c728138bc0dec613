import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bucketing, Context, Definition } from '../../src/flag/definition.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { type Explanation, explain, possibleChanges } from '../../src/flag/explain/explain.ts'
import type { ExplainedNode } from '../../src/flag/explain/nodes.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { Generator, SEGMENTS } from '../differential/generate.ts'
import { randomFrom } from '../support/random.ts'

const NOW = 1_700_000_000
const VARIANTS = { a: true, b: false, true: true, false: false, 1: true }
const RULES = 4_000
const ALGORITHMS: readonly Bucketing[] = ['v1', 'v2', 'v3']

function flag(targeting: unknown, more: Partial<Definition> = {}, bucketing: Bucketing = 'v2') {
  const definition: Definition = { state: 'ENABLED', variants: VARIANTS, defaultVariant: 'b', targeting, ...more }
  return { key: 'new-checkout', definition, segments: SEGMENTS, metadata: {}, bucketing }
}

const explained = (targeting: unknown, context: Context = {}, more: Partial<Definition> = {}): Explanation =>
  explain(flag(targeting, more), context, NOW)

function evaluated({ key, definition, segments, metadata, bucketing }: ReturnType<typeof flag>, context: Context) {
  const set = compileFlagSet({ flags: new Map([[key, definition]]), segments, metadata, bucketing })
  return evaluateKey(set, key, context, NOW)
}

test(`explain() gives the result of evaluate() for ${RULES} generated rules, and its parts agree with it`, () => {
  const generator = new Generator(randomFrom(20_261_129))
  const decisions = new Set<string>()
  for (let count = 0; count < RULES; count += 1) {
    const subject = flag(generator.targeting(), {}, ALGORITHMS[count % ALGORITHMS.length])
    const context = generator.context()
    const explanation = explain(subject, context, NOW)
    const what = JSON.stringify({ targeting: subject.definition.targeting, context, bucketing: subject.bucketing })
    assert.deepEqual(explanation.evaluation, evaluated(subject, context), what)
    decisions.add(explanation.decidedBy.kind)
    assertConsistent(explanation, what)
  }
  assert.deepEqual([...decisions].sort(), ['default_variant', 'error', 'held', 'otherwise', 'rule'])
})

function assertConsistent({ evaluation, decidedBy, rules, otherwise }: Explanation, what: string): void {
  const matches = rules.filter(({ outcome }) => outcome === 'match')
  assert.ok(matches.length <= 1, what)
  const [match] = matches
  const result = match ? match.result : otherwise
  if (decidedBy.kind === 'rule') assert.equal(decidedBy.rule, match?.rule, what)
  if (result?.kind !== 'split' || result.bucket === undefined) return
  const { variant, place, shares } = result.bucket
  assert.equal(result.value, variant ?? null, what)
  if (evaluation.reason === 'TARGETING_MATCH') assert.equal(String(variant), evaluation.variant, what)
  const shareAt = shares.find(({ from, to }) => place !== undefined && place >= from && place <= to)
  if (place !== undefined) assert.equal(shareAt?.variant, variant, what)
}

test('explain() names the rule, the clauses and the attributes that the context lacks', () => {
  const targeting = {
    if: [
      { and: [{ ends_with: [{ var: 'email' }, '@example.com'] }, { $ref: 'adults' }] },
      'a',
      { '==': [{ var: 'plan' }, 'pro'] },
      {
        fractional: [
          ['a', 50],
          ['b', 50],
        ],
      },
      'b',
    ],
  }
  const explanation = explained(targeting, { targetingKey: 'ada', plan: 'pro' })
  assert.deepEqual(explanation.decidedBy, { kind: 'rule', rule: 1, pointer: '/targeting/if/3' })
  const [first, second] = explanation.rules
  assert.deepEqual(first?.outcome, 'no_match')
  assert.deepEqual(first?.condition, {
    pointer: '/targeting/if/0',
    kind: 'all',
    value: null,
    parts: [
      {
        pointer: '/targeting/if/0/and/0',
        kind: 'clause',
        operator: 'ends_with',
        attribute: 'email',
        actual: null,
        present: false,
        expected: '@example.com',
        value: null,
        note: 'attribute_missing',
      },
      { pointer: '/targeting/if/0/and/1', kind: 'segment', segment: 'adults', value: 'not_reached' },
    ],
  })
  assert.deepEqual(second?.condition, {
    pointer: '/targeting/if/2',
    kind: 'clause',
    operator: '==',
    attribute: 'plan',
    actual: 'pro',
    present: true,
    expected: 'pro',
    value: true,
  })
  assert.equal(second?.result.kind === 'split' && second.result.bucket?.seed, 'new-checkoutada')
  assert.deepEqual(explanation.otherwise, { pointer: '/targeting/if/4', kind: 'constant', value: 'not_reached' })
  assert.deepEqual(explanation.used, ['email', 'plan'])
  assert.deepEqual(explanation.missing, ['email'])
  assert.deepEqual(explanation.segments, { adults: { pointer: '/$evaluators/adults', value: 'not_reached' } })
  assert.match(
    explanation.summary,
    /^Rule 2 matches and gives "[ab]": targetingKey falls on place \d+ of 100, within (?:0 to 49|50 to 99)$/,
  )
})

test('possibleChanges() names the single clauses that would change the result', () => {
  const targeting = {
    if: [{ and: [{ var: 'beta' }, { '==': [{ var: 'plan' }, 'pro'] }, { '==': [{ var: 'country' }, 'DE'] }] }, 'a'],
  }
  const context = { beta: true, plan: 'pro', country: 'FR' }
  assert.deepEqual(possibleChanges(flag(targeting), explained(targeting, context), context, NOW), [
    { pointer: '/targeting/if/0/and/2', variant: 'a' },
  ])
})

for (const [kind, targeting, more, summary] of [
  ['disabled', { var: 'x' }, { state: 'DISABLED' }, /disabled/],
  ['default_variant', undefined, {}, /no rule, so everyone gets the default variant "b"/],
  ['code_default', undefined, { defaultVariant: undefined }, /no default variant/],
  ['default_variant', { if: [{ var: 'gone' }, 'a'] }, {}, /No rule names a variant, so the default variant "b"/],
  ['held', { if: [true, 'a', { var: 'gone' }, 'b'] }, {}, /held at "a" for everyone/],
  ['otherwise', { if: [{ var: 'gone' }, 'b', 'a'] }, {}, /"otherwise" gives "a"/],
  ['error', { if: [{ bad: 1 }, 'a'] }, {}, /The evaluation fails: Unknown operator "bad"/],
] as const)
  test(`explain() returns ${kind} for ${JSON.stringify(targeting)}`, () => {
    const { decidedBy, summary: text } = explained(targeting, {}, more as Partial<Definition>)
    assert.equal(decidedBy.kind, kind)
    assert.match(text, summary)
  })

test('explain() stops after 2,000 nodes and reports it', () => {
  const many = { or: Array.from({ length: 3_000 }, (_, place) => ({ '==': [{ var: 'plan' }, `p${place}`] })) }
  const explanation = explained({ if: [many, 'a', 'b'] })
  assert.ok(explanation.truncated)
  assert.equal(explanation.evaluation.reason === 'ERROR' ? '' : explanation.evaluation.variant, 'b')
  const [rule] = explanation.rules
  const parts: readonly ExplainedNode[] = rule?.condition.kind === 'any' ? rule.condition.parts : []
  assert.ok(parts.length < 2_000)
})

test('explain() shows no bucket for weights that the evaluator does not accept', () => {
  const targeting = {
    fractional: [
      ['a', 2_147_483_647],
      ['b', 1],
    ],
  }
  const { otherwise, evaluation } = explained(targeting, { targetingKey: 'ada' })
  assert.equal(evaluation.reason, 'DEFAULT')
  assert.ok(otherwise?.kind === 'split')
  assert.equal(otherwise.bucket, undefined)
})

test('explain() takes an attribute whose members are named like methods for no version', () => {
  const rule = { if: [{ sem_ver: [{ var: 'version' }, '>=', '1.0.0'] }, 'a', 'b'] }
  for (const version of [JSON.parse('{"toString":1}'), [{ toString: 1 }], ['1.2.3'], {}]) {
    const { rules, evaluation } = explained(rule, { version })
    assert.equal('variant' in evaluation && evaluation.variant, 'b')
    assert.equal((rules[0]?.condition as { note?: string } | undefined)?.note, 'not_a_version')
  }
})
