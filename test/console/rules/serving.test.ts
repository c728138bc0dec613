import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { print } from '../../../src/console/rules/print.ts'
import { readDefinition } from '../../../src/console/rules/read.ts'
import {
  isOn,
  patchBetween,
  rollOut,
  servingOf,
  switched,
  switchOff,
  switchOn,
} from '../../../src/console/rules/serving.ts'
import { applyEdits } from '../../../src/console/rules/text.ts'
import type { DefinitionView } from '../../../src/console/rules/view.ts'
import type { Definition } from '../../../src/flag/definition.ts'
import { evaluate } from '../../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../../src/flag/flag-set.ts'
import { summaryOf } from '../../../src/flag/summary.ts'
import { context, definition, SEGMENTS } from './generators.ts'

const BOOLEAN = { state: 'ENABLED', variants: { on: true, off: false } } as const
const TEXT = { state: 'ENABLED', variants: { a: 'A', b: 'B' }, defaultVariant: 'a' } as const
const RULE = { if: [{ $ref: 'staff' }, 'on', null] }

function viewOf(value: unknown): DefinitionView {
  const { view } = readDefinition(JSON.stringify(value))
  assert.ok(view)
  return view
}

const off = (value: Definition) => switched(value, false)
const on = (value: Definition) => switched(value, true)

test('the switch of a boolean flag without rules is its default variant', () => {
  const value = { ...BOOLEAN, defaultVariant: 'on' }
  assert.equal(isOn(viewOf(value)), true)
  assert.deepEqual(off(value), { ...value, defaultVariant: 'off' })
  assert.deepEqual(on(off(value)), value)
  assert.equal(isOn(viewOf(off(value))), false)
})

test('the switch of a flag with rules holds it, and releases exactly that', () => {
  const value = { ...BOOLEAN, defaultVariant: 'on', targeting: RULE }
  assert.deepEqual(off(value).targeting, { if: [true, 'off', { $ref: 'staff' }, 'on', null] })
  assert.deepEqual(servingOf(viewOf(off(value))), { kind: 'held', variant: 'off' })
  assert.deepEqual(on(off(value)), value)
  const text = print(value)
  const held = applyEdits(text, switchOff(text))
  assert.equal(applyEdits(held, switchOn(held)), text)
})

test('a flag of another type is held at its default variant, or disabled if it has no rules', () => {
  assert.deepEqual(off(TEXT), { ...TEXT, state: 'DISABLED' })
  assert.deepEqual(on(off(TEXT)), TEXT)
  const split = {
    ...TEXT,
    targeting: {
      fractional: [
        ['a', 1],
        ['b', 1],
      ],
    },
  }
  assert.deepEqual(off(split).targeting, { if: [true, 'a', split.targeting] })
  assert.deepEqual(on(off(split)), split)
})

test('switching any flag off and on serves what it served, and off serves one variant to everyone', () => {
  fc.assert(
    fc.property(definition, fc.array(context, { minLength: 1, maxLength: 5 }), (value, contexts) => {
      const before = value as Definition
      const stopped = off(before)
      assert.equal(isOn(viewOf(stopped)), false)
      if (!isOn(viewOf(before))) return assert.deepEqual(stopped, before)
      assert.deepEqual(on(stopped), before)
      const flags = new Map([['flag', stopped]])
      const set = compileFlagSet({ flags, segments: SEGMENTS, metadata: {}, bucketing: 'v2' })
      const answers = contexts.map((each) => evaluate(set.flags.get('flag') ?? assert.fail(), each, 1_750_000_000))
      assert.equal(new Set(answers.map(({ reason, ...answer }) => JSON.stringify([reason, answer]))).size, 1)
    }),
  )
})

test('rollOut() splits where no rule matches, and changes only weights afterwards', () => {
  const text = print({ ...BOOLEAN, state: 'DISABLED', defaultVariant: 'off' })
  const ten = applyEdits(text, rollOut(text, { percent: 10 }) ?? assert.fail())
  assert.deepEqual(JSON.parse(ten).targeting, {
    fractional: [
      ['on', 10],
      ['off', 90],
    ],
  })
  assert.equal(JSON.parse(ten).state, 'ENABLED')
  const more = applyEdits(ten, rollOut(ten, { percent: 12.5 }) ?? assert.fail())
  assert.deepEqual(JSON.parse(more).targeting, {
    fractional: [
      ['on', 1250],
      ['off', 8750],
    ],
  })
  const ruled = print({ ...BOOLEAN, defaultVariant: 'off', targeting: { if: [true, 'off', { $ref: 'staff' }, 'on'] } })
  const split = {
    fractional: [
      ['on', 50],
      ['off', 50],
    ],
  }
  const half = applyEdits(ruled, rollOut(ruled, { percent: 50 }) ?? assert.fail())
  assert.deepEqual(JSON.parse(half).targeting, { if: [{ $ref: 'staff' }, 'on', split] })
  const texts = print(TEXT)
  assert.match(applyEdits(texts, rollOut(texts, { percent: 1 }) ?? assert.fail()), /\["b", 1\],\s+\["a", 99\]/)
})

test('rollOut() does not replace what it cannot express', () => {
  const experiment = {
    fractional: [
      ['on', 1],
      ['off', 1],
      [null, 1],
    ],
  }
  for (const targeting of [experiment, { if: [{ $ref: 'staff' }, 'on', { var: 'variant' }] }])
    assert.equal(rollOut(print({ ...BOOLEAN, targeting }), { percent: 10 }), undefined)
})

/** RFC 7396, §2. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const merged = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete (merged as Record<string, unknown>)[name]
    else (merged as Record<string, unknown>)[name] = mergePatch((merged as Record<string, unknown>)[name], value)
  return merged
}

test('patchBetween() is the merge patch from one definition to another, or undefined', () => {
  fc.assert(
    fc.property(definition, definition, (before, after) => {
      const patch = patchBetween(before, after)
      if (patch === undefined) assert.match(JSON.stringify(after), /"(defaultVariant|targeting)":null/)
      else assert.deepEqual(mergePatch(before, patch), after)
    }),
  )
})

test('the switch of the flag page has the position that the list of flags shows', () => {
  fc.assert(
    fc.property(definition, (value) => {
      const view = viewOf(value)
      const { state } = summaryOf(value as Definition)
      const { kind } = servingOf(view)
      assert.equal(state === 'held', kind === 'held')
      assert.equal(state === 'disabled', kind === 'disabled')
      assert.equal(state === 'partial', kind === 'rules')
      if (kind === 'constant') assert.equal(state, isOn(view) ? 'on' : 'off')
    }),
    { numRuns: 1000 },
  )
})
