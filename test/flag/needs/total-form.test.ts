import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import type { Bucketing, Context, Definition } from '../../../src/flag/definition.ts'
import { evaluateKey } from '../../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../../src/flag/flag-set.ts'
import { totalForm } from '../../../src/flag/needs/total-form.ts'
import { referencesIn } from '../../../src/flag/rules/segments.ts'
import { Generator, SEGMENTS } from '../../differential/generate.ts'
import { randomFrom } from '../../support/random.ts'
import { ruleValue } from '../../support/rule.ts'

const VARIANTS = { a: 'a', b: 'b', true: 'true', false: 'false', 1: '1' }
const NOW = 1_750_000_000
const flag = (targeting: unknown, others: Partial<Definition> = {}): Definition => ({
  state: 'ENABLED',
  variants: VARIANTS,
  defaultVariant: 'a',
  targeting,
  ...others,
})
const formOf = (definition: Definition, bucketing: Bucketing = 'v2') =>
  totalForm(definition, { key: 'needed', segments: SEGMENTS, bucketing })

function variantOf(definition: Definition, context: Context, bucketing: Bucketing): string | undefined {
  const set = compileFlagSet({
    flags: new Map([['needed', definition]]),
    segments: SEGMENTS,
    metadata: {},
    bucketing,
  })
  const { variant } = evaluateKey(set, 'needed', context, NOW) as { variant?: string }
  return variant
}

const RULES = 4_000
for (const bucketing of ['v1', 'v2', 'v3'] as const)
  test(`the total form of ${RULES} random rules gives the variant of the flag under ${bucketing}`, () => {
    let [written, named] = [0, 0]
    for (let number = 0; number < RULES; number += 1) {
      const generator = new Generator(randomFrom(number))
      const definition = flag(generator.targeting(), number % 10 === 0 ? { defaultVariant: null } : {})
      const { rule, mistakes } = formOf(definition, bucketing)
      if (mistakes.length > 0) continue
      written += 1
      assert.equal(referencesIn(rule).size, 0)
      for (const context of [generator.context(), generator.context()]) {
        const variant = variantOf(definition, context, bucketing)
        // The frame of another flag: its key is "flag".
        const value = ruleValue(rule, context, { bucketing, now: NOW })
        assert.equal(typeof value, 'string')
        if (variant !== undefined) named += 1
        const found = Object.hasOwn(VARIANTS, String(value)) ? value : undefined
        assert.equal(found, variant, JSON.stringify({ number, context, rule, targeting: definition.targeting }))
      }
    }
    assert.ok(written > RULES / 4 && named > written, `${written} rules were written, ${named} variants named`)
  })

test('needing a flag equals evaluating it in flagd-core, which expands the segment as text', () => {
  const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
  let compared = 0
  for (let number = 10_000; number < 10_600; number += 1) {
    const generator = new Generator(randomFrom(number))
    const needed = flag(generator.targeting())
    const { rule, mistakes } = formOf(needed)
    if (mistakes.length > 0) continue
    const of = (variant: string) => flag({ if: [{ in: [{ $ref: 'fs.flag.needed' }, [variant]] }, 'true', 'false'] })
    const core = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: number % 2 === 0 })
    const flags = { needed, 'needs-a': of('a'), 'needs-b': of('b') }
    core.setConfigurations(JSON.stringify({ flags, $evaluators: { ...SEGMENTS, 'fs.flag.needed': rule } }))
    for (let turn = 0; turn < 4; turn += 1) {
      const context = { ...generator.context(), targetingKey: `user-${number}-${turn}`, email: `u${turn}@example.com` }
      const variant = (key: string) => core.resolveStringEvaluation(key, '', context as never, silent)
      const own = variant('needed')
      const [a, b] = [variant('needs-a'), variant('needs-b')]
      // flagd-core fails in rules that JSONLogic defines, also in a copy of them, or answers otherwise: test/differential has the list.
      if (own.errorCode || a.errorCode || b.errorCode || own.variant !== variantOf(needed, context, 'v2')) continue
      compared += 1
      const place = JSON.stringify({ number, context, rule, targeting: needed.targeting })
      assert.equal(a.variant, String(own.variant === 'a'), place)
      assert.equal(b.variant, String(own.variant === 'b'), place)
    }
  }
  assert.ok(compared > 400, `${compared} evaluations were compared`)
})

const REFUSED: readonly (readonly [name: string, targeting: unknown, pointer: string, bucketing?: Bucketing])[] = [
  ['a computed variant', { cat: ['a', 'b'] }, '/targeting/cat'],
  ['an attribute as the variant', { if: [true, { var: 'plan' }] }, '/targeting/if/1/var'],
  ['"and" as the variant', { and: [true, 'a'] }, '/targeting/and'],
  ['"sem_ver" as the variant', { sem_ver: [{ var: 'v' }, '=', '1.0.0'] }, '/targeting/sem_ver'],
  ['"starts_with" as the variant', { starts_with: [{ var: 'v' }, 'a'] }, '/targeting/starts_with'],
  ['the whole context', { if: [{ '==': [{ var: '' }, 1] }, 'a'] }, '/targeting/if/0/==/0'],
  ['a path without text', { if: [{ var: [] }, 'a'] }, '/targeting/if/0'],
  ['a computed path', { if: [{ var: { cat: ['a'] } }, 'a'] }, '/targeting/if/0'],
  ['the object "$flagd"', { if: [{ var: '$flagd' }, 'a'] }, '/targeting/if/0'],
  [
    '"fractional" in a loop',
    { if: [{ some: [{ var: 'x' }, { fractional: [['a', 1]] }] }, 'a'] },
    '/targeting/if/0/some/1',
  ],
  ['shorthand under v3', { fractional: [['a', 1]] }, '/targeting', 'v3'],
  ['computed shares', { fractional: [{ var: 'x' }, { var: 'y' }] }, '/targeting'],
  ['a bucketing value that may be null', { fractional: [{ if: [true, null] }, ['a', 1]] }, '/targeting/fractional/0'],
  ['a missing segment', { if: [{ $ref: 'none' }, 'a'] }, '/targeting/if/0'],
  ['an unknown operator', { if: [{ sqrt: [1] }, 'a'] }, '/targeting/if/0'],
  ['a list', { if: [true, ['a']] }, '/targeting/if/1'],
]
for (const [name, targeting, pointer, bucketing] of REFUSED)
  test(`${name} has no total form`, () =>
    assert.deepEqual(
      formOf(flag(targeting), bucketing).mistakes.map((mistake) => mistake.pointer),
      [pointer],
    ))

test('a mistake in a segment has its place in the segment', () => {
  const { mistakes } = totalForm(flag({ if: [{ $ref: 'outer' }, 'a'] }), {
    key: 'needed',
    segments: { outer: { '!': [{ $ref: 'inner' }] }, inner: { '==': [{ var: '$flagd' }, 1] } },
    bucketing: 'v2',
  })
  assert.deepEqual(
    mistakes.map(({ pointer }) => pointer),
    ['/$evaluators/inner/==/0'],
  )
})

test('a segment that leads back to itself has no total form', () => {
  const { mistakes } = totalForm(flag({ $ref: 'loop' }), {
    key: 'needed',
    segments: { loop: { if: [true, { $ref: 'loop' }] } },
    bucketing: 'v2',
  })
  assert.match(mistakes[0]?.message ?? '', /nests deeper than 100/)
})

test('segments that grow without end are refused by their number of parts', () => {
  const doubled = (name: string) => ({ if: [{ $ref: name }, { $ref: name }, 'a'] })
  const chain = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`s${at}`, doubled(`s${at + 1}`)]))
  const segments = { ...chain, s20: { '!': [{ var: 'x' }] } }
  const { mistakes } = totalForm(flag({ $ref: 's0' }), { key: 'needed', segments, bucketing: 'v2' })
  assert.equal(mistakes.length, 1)
  assert.match(mistakes[0]?.message ?? '', /more than 10000 parts/)
})

for (const [name, definition, expected] of [
  ['a disabled flag', flag({ if: [true, 'b'] }, { state: 'DISABLED' }), { if: [true, ''] }],
  ['an invalid flag', flag({ if: [true, 'b'] }, { defaultVariant: 'gone' }), { if: [true, ''] }],
  ['a flag without a rule', flag(undefined), { if: [true, 'a'] }],
  ['a flag with an empty rule', flag({}), { if: [true, 'a'] }],
  ['a rule of null', flag(null), { if: [true, 'a'] }],
  ['a flag without default', flag(undefined, { defaultVariant: null }), { if: [true, ''] }],
  ['a name with spaces and quotes', flag({ if: [true, ' "b" ', 'zz'] }), { if: [true, 'b', 'zz'] }],
] as const)
  test(`the total form of ${name} is ${JSON.stringify(expected)}`, () =>
    assert.deepEqual(formOf(definition).rule, expected))

test('an absent flag has no variant', () =>
  assert.deepEqual(totalForm(undefined, { key: 'needed', segments: {}, bucketing: 'v2' }).rule, { if: [true, ''] }))
