import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { unparsedText } from '../../../src/flag/compile.ts'
import type { Definition } from '../../../src/flag/definition.ts'
import { evaluate } from '../../../src/flag/evaluate.ts'
import { compileFlagSet, compileSerialized } from '../../../src/flag/flag-set.ts'
import { boundariesOf } from '../../../src/flag/rules/boundaries.ts'
import { Timeline, timelineOf } from '../../../src/flag/timeline.ts'

const NOW = { var: '$flagd.timestamp' }
const DAY = 86_400

const timelineFor = (targeting: unknown, segments = {}) =>
  new Timeline(new Map([['flag', boundariesOf(targeting, segments)]]))
/** All boundaries after `from`, up to `until`. */
function momentsIn(targeting: unknown, from: number, until: number, segments = {}): number[] {
  const timeline = timelineFor(targeting, segments)
  const moments: number[] = []
  for (let next = timeline.nextAfter(from); next <= until; next = timeline.nextAfter(next)) moments.push(next)
  return moments
}

const plain: readonly [what: string, rule: unknown, moments: readonly number[]][] = [
  ['<', { '<': [NOW, 1_000] }, [1_000]],
  ['<=', { '<=': [NOW, 1_000] }, [1_001]],
  ['>', { '>': [NOW, 1_000] }, [1_001]],
  ['>=', { '>=': [NOW, 1_000] }, [1_000]],
  ['a number on the left', { '<': [1_000, NOW] }, [1_001]],
  ['==', { '==': [NOW, 1_000] }, [1_000, 1_001]],
  ['a range', { '<=': [1_000, NOW, 2_000] }, [1_000, 2_001]],
  ['a fraction', { '<': [NOW, 1_000.5] }, [1_001]],
  ['a text', { '<': [NOW, '1000'] }, [1_000]],
  ['a default beside the time', { '<': [{ var: ['$flagd.timestamp', 0] }, 1_000] }, [1_000]],
  ['an age', { '<': [{ '-': [NOW, 600] }, 400] }, [1_000]],
  ['what is left', { '>': [{ '-': [2_000, NOW] }, 1_000] }, [1_000]],
  ['milliseconds', { '<': [{ '*': [NOW, 1_000] }, 1_000_000] }, [1_000]],
  ['nested rules', { if: [{ and: [true, { '<': [NOW, 5] }] }, 'a', { if: [{ '<': [NOW, 9] }, 'b'] }] }, [5, 9]],
  ['an attribute', { '<': [{ var: 'age' }, 1_000] }, []],
  ['an attribute as the bound', { '<': [NOW, { var: 'expires' }] }, []],
  ['another member', { '<': [{ var: '$flagd.flagKey' }, 1_000] }, []],
  ['data', { '==': [{ '<': [NOW, 1], '>': [NOW, 2] }, 3] }, []],
  ['no number', { '<': [NOW, 'later'] }, []],
  ['an unknown segment', { '<': [NOW, { $ref: 'none' }] }, []],
  ['a segment', { if: [{ $ref: 'outer' }, 'a'] }, [7]],
  ['a segment as a number', { '<': [{ $ref: 'now' }, { $ref: 'end' }] }, [8]],
  ['a circle', { if: [{ $ref: 'round' }, { '<': [NOW, 5] }] }, []],
]
const SEGMENTS = {
  outer: { '!': { $ref: 'inner' } },
  inner: { '<': [NOW, 7] },
  now: NOW,
  end: { '+': [3, 5] },
  round: { or: [{ $ref: 'round' }, { '<': [NOW, 6] }] },
}
for (const [what, rule, moments] of plain)
  test(`boundariesOf() of a comparison with ${what} is ${JSON.stringify(moments)}`, () => {
    assert.deepEqual(momentsIn(rule, 0, 100_000, SEGMENTS), moments)
  })

test('a remainder has boundaries in each period, and at the start of the period', () => {
  const morning = { '<': [{ '%': [NOW, DAY] }, 9 * 3_600] }
  assert.deepEqual(momentsIn(morning, 10 * DAY, 12 * DAY), [10 * DAY + 32_400, 11 * DAY, 11 * DAY + 32_400, 12 * DAY])
  const berlin = { '>=': [{ '%': [{ '+': [NOW, 3_600] }, DAY] }, 9 * 3_600] }
  assert.deepEqual(momentsIn(berlin, 10 * DAY, 11 * DAY), [10 * DAY + 28_800, 11 * DAY - 3_600])
})

test('a cycle that is too short, or an extreme number, does not hang', () => {
  for (const rule of [
    { '<': [{ '%': [{ '*': [NOW, 1e9] }, 1] }, 0.5] },
    { '<': [{ '%': [NOW, 0] }, 0.5] },
    { '<': [{ '/': [NOW, 0] }, 5] },
    { '<': [NOW, 1e308] },
    { '<': [{ '%': [NOW, 1e-300] }, 1e300] },
    {
      fractional: [
        ['a', { '-': [NOW, -1e308] }],
        ['b', { '-': [1e308, NOW] }],
      ],
    },
  ])
    assert.ok(momentsIn(rule, 1_800_000_000, 1_800_003_600).length <= 60 * 2 + 1, JSON.stringify(rule))
})

const ramp = (from: number, to: number) => ({
  fractional: [
    ['new', { '-': [NOW, from] }],
    ['old', { '-': [to, NOW] }],
  ],
})
test('a ramp has steps of 1 % of its window, and of at least a minute', () => {
  const [first, second, ...rest] = momentsIn(ramp(1_000, 1_000 + 100_000), 0, 1e9)
  assert.deepEqual([first, second, rest.length, rest.at(-1)], [2_000, 3_000, 98, 101_000])
  assert.deepEqual(momentsIn(ramp(1_000, 1_150), 0, 1e9), [1_060, 1_120, 1_150])
  assert.deepEqual(momentsIn(ramp(1_000, 1_150), 1_061, 1e9), [1_120, 1_150])
})

test('a ramp is found through max, min, an attribute as seed, a segment, and beside fixed weights', () => {
  const grown = { min: [1_000, { max: [0, { '-': [NOW, 5_000] }] }] }
  const rule = { fractional: [{ cat: ['s', { var: 'mail' }] }, ['new', { $ref: 'grown' }], ['old', 1]] }
  assert.deepEqual(momentsIn(rule, 0, 1e9, { grown }).at(-1), 6_000)
  const beside = {
    fractional: [
      ['new', { '-': [NOW, 5_000] }],
      ['old', 100],
    ],
  }
  assert.deepEqual(boundariesOf(beside, {}).ramps, [{ from: 5_000, to: 6_000 }])
})

test('every change of a result with time is at a boundary', () => {
  const number = fc.integer({ min: 0, max: 200 })
  const side = fc.oneof(
    fc.constant(NOW),
    number,
    fc.tuple(number, fc.constantFrom('+', '-')).map(([by, operator]) => ({ [operator]: [NOW, by] })),
    number.map((by) => ({ '-': [by, NOW] })),
    fc.integer({ min: 60, max: 90 }).map((length) => ({ '%': [NOW, length] })),
  )
  const comparison = fc
    .tuple(fc.constantFrom('<', '<=', '>', '>=', '==', '!=='), side, number, fc.boolean())
    .map(([operator, one, other, isTurned]) => ({ [operator]: isTurned ? [other, one] : [one, other] }))
  const rule = fc
    .tuple(comparison, comparison, fc.constantFrom('and', 'or'))
    .map(([one, other, operator]) => ({ if: [{ [operator]: [one, other] }, 'on', 'off'] }))
  fc.assert(
    fc.property(rule, (targeting) => {
      const definition = { state: 'ENABLED', variants: { on: 1, off: 0 }, targeting } as Definition
      const set = compileFlagSet({ flags: new Map([['f', definition]]), segments: {}, metadata: {}, bucketing: 'v2' })
      const flag = set.flags.get('f')
      assert.ok(flag)
      const timeline = timelineOf(set)
      const variantAt = (now: number) => (evaluate(flag, {}, now) as { variant?: string }).variant
      for (let now = 1; now <= 200; now++)
        if (variantAt(now) !== variantAt(now - 1)) assert.deepEqual(timeline.keysBetween(now - 1, now), ['f'], `${now}`)
    }),
    { numRuns: 300 },
  )
})

test('timelineOf() names the flags that depend on time, and compiles none', () => {
  const flag = (targeting: unknown, more = {}) =>
    ({ state: 'ENABLED', variants: { a: 1 }, targeting, ...more }) as Definition
  const flags = new Map<string, Definition>([
    ['own', flag({ if: [{ '<': [NOW, 50] }, 'a'] })],
    ['by-segment', flag({ if: [{ $ref: 'late' }, 'a'] })],
    ['disabled', flag({ if: [{ '<': [NOW, 50] }, 'a'] }, { state: 'DISABLED' })],
    ['plain', flag({ if: [{ $ref: 'staff' }, 'a'] })],
    ['broken', JSON.parse('null')],
    ['without', flag(undefined)],
  ])
  const segments = { late: { '>=': [NOW, 60] }, staff: { '==': [{ var: 'a' }, 1] } }
  const timeline = timelineOf(compileFlagSet({ flags, segments, metadata: {}, bucketing: 'v2' }))
  assert.deepEqual(timeline.keysBetween(0, 100), ['own', 'by-segment'])
  assert.deepEqual(timeline.keysBetween(50, 100), ['by-segment'])
  assert.deepEqual([timeline.nextAfter(50), timeline.nextAfter(60)], [60, Number.POSITIVE_INFINITY])
  assert.ok(timeline.hasMomentBetween(40, 50) && !timeline.hasMomentBetween(50, 59))
})

test('of 20,000 flags in text form only those that mention the time are parsed', () => {
  const textOf = (targeting: unknown) => JSON.stringify({ state: 'ENABLED', variants: { a: 1 }, targeting })
  const lines = Array.from({ length: 20_000 }, (_, index) => {
    const bound = index % 1_000 === 0 ? NOW : { var: 'age' }
    return `\n["f${index}",${textOf({ if: [{ '<': [bound, 50] }, 'a'] })}]`
  })
  const settings = { segments: {}, metadata: {}, bucketing: 'v2' as const }
  const set = compileSerialized({ lines: lines.join(''), size: lines.length }, settings)
  assert.equal(timelineOf(set).keysBetween(0, 100).length, 20)
  assert.equal(
    set.flags
      .values()
      .filter((flag) => unparsedText(flag) === undefined)
      .toArray().length,
    20,
  )
})
