import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate, evaluateKey, type FlagType } from '../../src/flag/evaluate.ts'
import { answerOf, flagSetOf, NOW } from '../support/flag-set.ts'

const state = 'ENABLED'
const set = flagSetOf({
  metadata: { owner: 'set', version: 3 },
  flags: {
    static: { state, variants: { on: true, off: false }, defaultVariant: 'on', metadata: { owner: 'flag' } },
    off: { state: 'DISABLED', variants: { on: true }, defaultVariant: 'on', targeting: { if: [true, 'on'] } },
    empty: { state, variants: { on: true }, defaultVariant: 'on', targeting: {} },
    null: { state, variants: { on: true }, defaultVariant: 'on', targeting: null },
    undecided: { state, variants: { on: true } },
    'without a decision': { state, variants: { on: true }, defaultVariant: '', targeting: { if: [false, 'on'] } },
    half: { state, variants: { half: 0.5, three: 3 }, defaultVariant: 'half', targeting: { var: 'wanted' } },
    list: { state, variants: { list: [1] }, defaultVariant: 'list' },
    object: { state, variants: { object: {} }, defaultVariant: 'object' },
    constructor: { state, variants: { toString: 'text' }, defaultVariant: 'toString' },
  },
})
const answer = (key: string, context = {}, type?: FlagType | 'integer') => evaluateKey(set, key, context, NOW, type)

test('evaluate() returns the default variant of a flag without rule as STATIC (of the rule null as DEFAULT), with merged metadata', () => {
  const metadata = { owner: 'flag', version: 3 }
  assert.deepEqual(answer('static'), { key: 'static', value: true, variant: 'on', reason: 'STATIC', metadata })
  assert.equal(answer('empty').reason, 'STATIC')
  assert.deepEqual(answer('null'), {
    key: 'null',
    value: true,
    variant: 'on',
    reason: 'DEFAULT',
    metadata: { owner: 'set', version: 3 },
  })
})

test('evaluate() returns neither value nor variant for a disabled flag, nor for one without default', () => {
  const metadata = { owner: 'set', version: 3 }
  assert.deepEqual(answer('off'), { key: 'off', reason: 'DISABLED', metadata })
  assert.deepEqual(answer('undecided'), { key: 'undecided', reason: 'DEFAULT', metadata })
  assert.deepEqual(answer('without a decision').reason, 'DEFAULT')
  assert.equal('variant' in answer('without a decision'), false)
})

test('evaluateKey() returns FLAG_NOT_FOUND with the metadata of the set', () => {
  for (const key of ['missing', '__proto__', 'toString', ''])
    assert.deepEqual(answer(key), {
      key,
      errorCode: 'FLAG_NOT_FOUND',
      errorDetails: `Flag ${JSON.stringify(key)} does not exist`,
      reason: 'ERROR',
      metadata: { owner: 'set', version: 3 },
    })
})

for (const [key, context, type, expected] of [
  ['static', {}, 'boolean', 'STATIC'],
  ['static', {}, 'string', 'TYPE_MISMATCH'],
  ['half', {}, 'number', 'DEFAULT'],
  ['half', {}, 'integer', 'TYPE_MISMATCH'],
  ['half', { wanted: 'three' }, 'integer', 'TARGETING_MATCH'],
  ['half', { wanted: 'three' }, 'number', 'TARGETING_MATCH'],
  ['half', { wanted: 'three' }, 'object', 'TYPE_MISMATCH'],
  ['list', {}, undefined, 'STATIC'],
  ['list', {}, 'object', 'TYPE_MISMATCH'],
  ['object', {}, 'object', 'STATIC'],
  ['off', {}, 'string', 'DISABLED'],
  ['undecided', {}, 'string', 'DEFAULT'],
  ['constructor', {}, 'string', 'STATIC'],
] as const)
  test(`evaluate() as ${type} of "${key}" with ${JSON.stringify(context)} is ${expected}`, () => {
    const evaluation = answer(key, context, type)
    assert.equal(evaluation.reason === 'ERROR' ? evaluation.errorCode : evaluation.reason, expected)
  })

for (const [rule, expected] of [
  ['b', 'b'],
  ['b ', 'b'],
  ['"b"', 'b'],
  [' "b" ', 'b'],
  ['" b "', 'GENERAL'],
  [true, 'true'],
  [false, 'false'],
  [1, '1'],
  [null, 'DEFAULT'],
  [Number.NaN, 'DEFAULT'],
  ['null', 'GENERAL'],
  ['', 'GENERAL'],
  ['c', 'GENERAL'],
  [2, 'GENERAL'],
  [['b'], 'GENERAL'],
  [{ b: 1, c: 2 }, 'GENERAL'],
  [{ strats_with: ['a', 'b'] }, 'PARSE_ERROR'],
] as const)
  test(`evaluate() of a rule with the result ${JSON.stringify(rule)} returns ${expected}`, () => {
    const evaluation = answerOf({ if: [true, rule] })
    if (evaluation.reason === 'ERROR') assert.equal(evaluation.errorCode, expected)
    else assert.equal(evaluation.reason === 'DEFAULT' ? 'DEFAULT' : evaluation.variant, expected)
  })

test('evaluate() finds variants with any characters in their names', () => {
  for (const name of ['& < >', ' x ', '"quoted"', '__proto__', 'constructor', '🎲', 'null']) {
    const variants = Object.fromEntries([[name, 'value']])
    const flags = { flag: { state, variants, targeting: { var: 'wanted' } } }
    const evaluation = evaluateKey(flagSetOf({ flags }), 'flag', { wanted: name }, NOW)
    assert.deepEqual(evaluation, {
      key: 'flag',
      value: 'value',
      variant: name,
      reason: 'TARGETING_MATCH',
      metadata: {},
    })
  }
})

test('evaluate() returns the same frozen object each time', () => {
  const flag = set.flags.get('half')
  assert.ok(flag)
  const first = evaluate(flag, { wanted: 'three' }, NOW)
  assert.equal(evaluate(flag, { wanted: 'three' }, NOW), first)
  assert.ok(Object.isFrozen(first) && Object.isFrozen(first.metadata))
  assert.equal(answer('static'), answer('static'))
})

test('evaluate() never throws, whatever the context contains', () => {
  const thrower = {
    get email(): string {
      throw new Error('no')
    },
  }
  const rule = { cat: [{ var: 'email' }, { var: '' }] }
  for (const context of [thrower, null, 1, 'text', [], undefined, new Proxy({}, { get: () => thrower })])
    assert.doesNotThrow(() => answerOf(rule, context as unknown as Record<string, unknown>))
  assert.equal(answerOf({ var: 'email' }, thrower).reason, 'ERROR')
})

test('evaluate() never throws, however deep the context is', () => {
  let x: unknown = 1
  for (let depth = 0; depth < 200_000; depth += 1) x = depth % 2 === 0 ? [x] : { x }
  for (const operator of [
    'cat',
    '==',
    '<',
    '+',
    'in',
    'merge',
    'substr',
    'max',
    '!!',
    'fractional',
    'missing',
    'sem_ver',
    'var',
  ])
    assert.doesNotThrow(() => answerOf({ [operator]: [{ var: 'x' }, { var: 'x' }, 'a'] }, { x }))
  assert.equal(answerOf({ var: 'x' }, { x }).reason, 'ERROR')
  let list: unknown = []
  for (let depth = 0; depth < 200_000; depth += 1) list = [list]
  assert.equal(answerOf({ cat: ['', { var: 'list' }] }, { list }).reason, 'ERROR')
})
