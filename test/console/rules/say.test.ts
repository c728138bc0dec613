import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDefinition, readSegment } from '../../../src/console/rules/read.ts'
import { sayCondition, sayDefinition, sayOutcome, sayPercent } from '../../../src/console/rules/say.ts'
import type { ConditionView, DefinitionView, OutcomeView } from '../../../src/console/rules/view.ts'
import type { Context } from '../../../src/flag/definition.ts'
import { RuleFault, truthy } from '../../../src/flag/rules/expression.ts'
import { withConformance } from '../../support/conformance.ts'
import { ruleValue } from '../../support/rule.ts'
import { condition, conformanceRules, context, SEGMENTS, targeting } from './generators.ts'
import { holds, type World } from './sentence.ts'

const NOW = 1_750_000_000
const WORDING = { json: (value: unknown) => JSON.stringify(JSON.stringify(value)) }
const valueOfRule = (rule: unknown, attributes: Context) =>
  ruleValue(rule, attributes, { segments: SEGMENTS, now: NOW })

function worldOf(attributes: Context): World {
  return {
    attribute: (path) => valueOfRule({ var: path }, attributes),
    now: NOW,
    segment: (name) => truthy(valueOfRule({ $ref: name }, attributes)),
    list: (name) => SEGMENTS[name as 'countries'],
    rule: (json) => truthy(valueOfRule(JSON.parse(json), attributes)),
  }
}

function conditionOf(rule: unknown): ConditionView {
  const { view } = readSegment(JSON.stringify(rule))
  assert.ok(view)
  return view
}

function definitionOf(rule: unknown): DefinitionView {
  const value = { state: 'ENABLED', variants: { on: 1, off: 2, third: 3 }, defaultVariant: 'off', targeting: rule }
  const { view } = readDefinition(JSON.stringify(value))
  assert.ok(view)
  return view
}

test('the sentence of a condition is true in exactly the contexts in which the condition holds', () => {
  fc.assert(
    fc.property(condition, fc.array(context, { minLength: 10, maxLength: 10 }), (rule, contexts) => {
      const sentence = sayCondition(conditionOf(rule), WORDING)
      for (const each of contexts)
        assert.equal(
          holds(sentence, worldOf(each)),
          truthy(valueOfRule(rule, each)),
          `${sentence} ← ${JSON.stringify(rule)}`,
        )
    }),
    { numRuns: 1000 },
  )
})

/** The variants that a sentence about a result allows: those with a share above 0. */
function allowed(outcome: OutcomeView | undefined): (string | null)[] {
  const sentence = sayOutcome(outcome, WORDING)
  if (!sentence.includes(' %')) return [sentence === 'the default variant' ? null : sentence]
  const shares = [
    ...sentence.replace(/ by [^%]*$/, '').matchAll(/(?:^|, | and )([\d.]+|under 0.01) % (the default variant|\w+)/g),
  ]
  return shares
    .filter(([, percent]) => percent !== '0')
    .map(([, , name = '']) => (name === 'the default variant' ? null : name))
}

/** The result of the first rule whose sentence is true. */
function chosen({ rules, otherwise }: DefinitionView, attributes: Context): OutcomeView | undefined {
  const rule = rules.find((each) => holds(sayCondition(each.condition, WORDING), worldOf(attributes)))
  return rule ? rule.result : otherwise
}

function checkRule(rule: unknown, attributes: Context): void {
  const outcome = chosen(definitionOf(rule), attributes)
  const value = valueOfRule(rule, attributes)
  if (outcome?.kind === 'advanced') assert.deepEqual(value, valueOfRule(outcome.value, attributes))
  else
    assert.ok(
      [...allowed(outcome), ...(outcome?.kind === 'split' ? [null] : [])].includes(value as string),
      `${value}: ${JSON.stringify(rule)}`,
    )
}

test('the sentences of a rule name the variant that the evaluator gives, in 1,000 contexts', () => {
  fc.assert(
    fc.property(targeting, fc.array(context, { minLength: 10, maxLength: 10 }), (rule, contexts) => {
      for (const each of contexts) checkRule(rule, each)
    }),
    { numRuns: 300 },
  )
  for (const each of fc.sample(context, 1000))
    checkRule(
      {
        if: [
          { and: [{ in: ['DE', { var: 'tags' }] }, { '!': [{ '>': [{ var: 'age' }, 18] }] }] },
          'on',
          {
            fractional: [
              ['off', 9],
              ['on', 1],
            ],
          },
        ],
      },
      each,
    )
})

withConformance('sentences of the conformance rules', () => {
  test('the sentences of the conformance rules agree with the evaluator, wherever they are conditions', () => {
    const contexts = fc.sample(context, { numRuns: 100, seed: 1 })
    let checked = 0
    for (const rule of conformanceRules()) {
      for (const each of contexts) {
        const value = valueOrFault(rule, each)
        if (value === undefined) continue
        checked += 1
        assert.equal(
          holds(sayCondition(conditionOf(rule), WORDING), worldOf(each)),
          truthy(value),
          JSON.stringify(rule),
        )
      }
    }
    assert.ok(checked > 5000)
  })
})

/** Undefined for a rule that refers to a segment of its own document. */
function valueOrFault(rule: unknown, attributes: Context): unknown {
  try {
    return valueOfRule(rule, attributes) ?? null
  } catch (error) {
    assert.ok(error instanceof RuleFault)
    return undefined
  }
}

const plan = { var: 'plan' }
for (const [rule, sentence] of [
  [{ '==': [plan, 'pro'] }, 'plan is pro'],
  [{ '==': [plan, '5'] }, 'plan is "5"'],
  [{ '==': [plan, null] }, 'plan is missing'],
  [{ '<': [18, { var: 'age' }] }, 'age is greater than 18'],
  [{ '!': { in: [plan, ['pro', 'team']] } }, 'plan is not one of pro, team'],
  [
    { and: [plan, { or: [{ $ref: 'staff' }, { sem_ver: [{ var: 'v' }, '>=', '1.2.0'] }] }] },
    'plan is set and (in segment staff or v is a version from "1.2.0")',
  ],
  [{ '<=': [1_750_000_000, { var: '$flagd.timestamp' }] }, 'the time is at or after 2025-06-15 15:06:40 UTC'],
  [{ starts_with: [{ var: ['user name', 'x'] }, 'or'] }, '"user name" (by default x) starts with "or"'],
  [{ some: [plan, { '==': [{ var: '' }, 1] }] }, 'rule {"some":[{"var":"plan"},{"==":[{"var":""},1]}]} holds'],
] as const)
  test(`${JSON.stringify(rule)} is said as ${sentence}`, () => assert.equal(sayCondition(conditionOf(rule)), sentence))

test('sayDefinition() says what a flag serves', () => {
  const split = {
    fractional: [
      ['on', 1],
      ['off', 9],
    ],
  }
  for (const [rule, sentence] of [
    [split, '10 % on and 90 % off by targeting key for everyone'],
    [{ if: [{ '==': [plan, 'pro'] }, 'on'] }, 'on if plan is pro; otherwise off'],
    [
      { if: [{ $ref: 'staff' }, 'on', { $ref: 'beta' }, split, null] },
      'on if in segment staff; 10 % on and 90 % off by targeting key if in segment beta; otherwise off',
    ],
    [{ if: [true, 'off', { $ref: 'staff' }, 'on'] }, 'Held at off'],
  ] as const)
    assert.equal(sayDefinition(definitionOf(rule)), sentence)
  assert.equal(
    sayDefinition({ ...definitionOf({}), state: 'DISABLED' }),
    'Disabled: applications use the default in their code',
  )
  assert.equal(
    sayDefinition({ ...definitionOf({}), defaultVariant: null }),
    'Applications use the default in their code',
  )
})

test('sayPercent() has two decimals at most and never says 0 % of a share', () => {
  assert.deepEqual(
    [sayPercent(1, 3), sayPercent(1, 8), sayPercent(1, 1e6), sayPercent(0, 3), sayPercent(0, 0)],
    ['33.33 %', '12.5 %', 'under 0.01 %', '0 %', '0 %'],
  )
})
