import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Context, Definition } from '../../src/flag/definition.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet, type FlagSet } from '../../src/flag/flag-set.ts'
import { summaryOf } from '../../src/flag/summary.ts'

const SWITCH: Definition = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off' }
const SIZES: Definition = { state: 'ENABLED', variants: { small: 10, large: 20, huge: 30 }, defaultVariant: 'small' }
const PRO = { '==': [{ var: 'plan' }, 'pro'] }
const split = (...shares: unknown[]) => ({ fractional: shares })
const when = (condition: unknown) => ({ ...SWITCH, targeting: { if: [condition, 'on'] } })

const CASES: readonly (readonly [definition: Definition, state: string, served: string])[] = [
  [{ ...SWITCH, state: 'DISABLED' }, 'disabled', 'default in the code'],
  [SWITCH, 'off', 'off'],
  [{ ...SWITCH, targeting: {} }, 'off', 'off'],
  [{ ...SWITCH, defaultVariant: 'on' }, 'on', 'on'],
  [{ ...SWITCH, defaultVariant: null }, 'off', 'default in the code'],
  [{ ...SWITCH, targeting: 'on' }, 'on', 'on'],
  [SIZES, 'on', 'small'],
  [{ ...SIZES, defaultVariant: null }, 'on', 'default in the code'],
  [{ ...SWITCH, targeting: { if: [true, 'off', PRO, 'on'] } }, 'held', 'held at off'],
  [{ ...SWITCH, targeting: { if: [true, null, PRO, 'on'] } }, 'held', 'held at off'],
  [{ ...SWITCH, targeting: split(['on', 10], ['off', 90]) }, 'partial', 'on for 10 %'],
  [{ ...SWITCH, targeting: split(['off', 2], ['on', 1]) }, 'partial', 'on for 33.33 %'],
  [{ ...SWITCH, targeting: split({ var: 'team' }, ['on'], [null]) }, 'partial', 'on for 50 %'],
  [{ ...SWITCH, targeting: split(['on', 1], ['off', 99_999]) }, 'partial', 'on for under 0.01 %'],
  [{ ...SWITCH, targeting: split(['on', 99_999], ['off', 1]) }, 'partial', 'on for over 99.99 %'],
  [{ ...SWITCH, targeting: split(['on', 1], ['off', -1]) }, 'partial', 'on for 100 %'],
  [{ ...SIZES, targeting: split(['small', 1], ['large', 3]) }, 'partial', 'large for 75 %'],
  [{ ...SIZES, targeting: split(['small'], ['large'], ['huge', 2]) }, 'partial', 'small for 25 %, large for 25 %, +1'],
  [{ ...SWITCH, targeting: split(['on', 0.5], ['off']) }, 'partial', 'by a custom rule'],
  [{ ...SWITCH, targeting: PRO }, 'partial', 'by a custom rule'],
  [
    { ...SWITCH, targeting: { if: [PRO, 'on', { var: 'beta' }, 'on', PRO, 'off', 'off'] } },
    'partial',
    'on if plan is pro, +2',
  ],
  [{ ...SWITCH, targeting: { if: [PRO, 'on', { if: [PRO, 'off'] }] } }, 'partial', 'on if plan is pro, +1'],
  [{ ...SWITCH, targeting: { if: [PRO, split(['on'], ['off'])] } }, 'partial', 'on for 50 % if plan is pro'],
  [when({ $ref: 'staff' }), 'partial', 'on if in segment staff'],
  [when({ '!': { $ref: 'staff' } }), 'partial', 'on if not in segment staff'],
  [
    when({ and: [PRO, { or: [{ var: 'beta' }, { '!': [{ var: 'old' }] }] }] }),
    'partial',
    'on if plan is pro and (beta is set or old is not set)',
  ],
  [when({ in: [{ var: 'country' }, ['DE', 'AT', 'CH']] }), 'partial', 'on if country is one of DE, AT, +1'],
  [when({ in: ['@example', { var: 'email' }] }), 'partial', 'on if email contains @example'],
  [when({ in: [{ var: 'targetingKey' }, { $ref: 'ids' }] }), 'partial', 'on if targeting key is listed in segment ids'],
  [when({ sem_ver: [{ var: 'app' }, '>=', '2.0.0'] }), 'partial', 'on if app is a version from 2.0.0'],
  [
    when({ '>=': [{ var: '$flagd.timestamp' }, 1_800_000_000] }),
    'partial',
    'on if time is at or after 2027-01-15 08:00 UTC',
  ],
  [when({ '==': [PRO, true] }), 'partial', 'on if a custom rule holds'],
]

for (const [definition, state, served] of CASES)
  test(`summaryOf() of ${JSON.stringify(definition.targeting ?? definition.defaultVariant)} is "${served}" (${state})`, () => {
    const summary = summaryOf(definition)
    assert.deepEqual([summary.state, summary.served], [state, served])
  })

/** Null where the application's default applies. */
function variantFor(set: FlagSet, context: Context): string | null {
  const evaluation = evaluateKey(set, 'flag', context, 0)
  assert.ok(evaluation.reason !== 'ERROR', `evaluates to ${JSON.stringify(evaluation)}`)
  return evaluation.variant ?? null
}

const weights = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 2 })

test('"on for n %" is the share of users to whom the evaluator gives the variant', () => {
  const users = Array.from({ length: 3_000 }, (_, index) => `user-${index}`)
  const property = fc.property(weights, fc.constantFrom('v1', 'v2', 'v3'), ([on = 0, off = 0], bucketing) => {
    fc.pre(on + off > 0)
    const definition = { ...SWITCH, targeting: split(['on', on], ['off', off]) }
    const percent = Number(/^on for (\S+) %$/.exec(summaryOf(definition).served)?.[1] ?? 0)
    const set = compileFlagSet({ flags: new Map([['flag', definition]]), segments: {}, metadata: {}, bucketing })
    const given = users.filter((targetingKey) => variantFor(set, { targetingKey }) === 'on').length
    assert.ok(Math.abs((100 * given) / users.length - percent) < 5, `${given} of ${users.length} for ${percent} %`)
  })
  fc.assert(property, { seed: 20, numRuns: 60 })
})

const variant = fc.constantFrom('on', 'off', null)
const condition = fc.oneof(
  fc.constantFrom(true, false, PRO, { var: 'beta' }, { $ref: 'staff' }, { and: [] }, { '!': [PRO] }),
  fc.anything(),
)
const targeting = fc.oneof(
  fc.constantFrom(undefined, null, {}, 'on', 'off'),
  fc.array(fc.oneof(condition, variant), { maxLength: 6 }).map((operands) => ({ if: operands })),
  fc.tuple(variant, condition, variant).map(([held, other, result]) => ({ if: [true, held, other, result] })),
  fc.anything(),
)

test('a summary that names one variant is true for every user, and every definition has a summary', () => {
  const contexts = [{}, { targetingKey: 'ada', plan: 'pro' }, { beta: true, plan: 'free' }]
  const defaults = fc.constantFrom('on', 'off', null)
  const property = fc.property(targeting, defaults, (rule, defaultVariant) => {
    const definition: Definition = { ...SWITCH, defaultVariant, targeting: rule }
    const { state, variant: wanted } = summaryOf(definition)
    if (state === 'partial' || (wanted !== null && !Object.hasOwn(SWITCH.variants, wanted))) return
    const flags = new Map([['flag', definition]])
    const set = compileFlagSet({ flags, segments: { staff: PRO }, metadata: {}, bucketing: 'v2' })
    for (const context of contexts) assert.equal(variantFor(set, context), wanted)
  })
  fc.assert(property, { seed: 20, numRuns: 2_000 })
})

test('summaryOf() of a rule with members that are named like methods does not throw', () => {
  for (const odd of [JSON.parse('{"toString":1}'), [{ toString: 1 }]])
    for (const condition of [
      { sem_ver: [{ var: 'v' }, odd, '1.0.0'] },
      { sem_ver: [{ var: 'v' }, '=', odd] },
      { in: [{ var: 'v' }, odd] },
    ])
      assert.equal(summaryOf(when(condition)).served, 'on if a custom rule holds')
})
