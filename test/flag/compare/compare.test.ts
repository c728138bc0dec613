import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareFlag } from '../../../src/flag/compare/compare-flag.ts'
import { type FlagSelection, mergeFlag } from '../../../src/flag/compare/merge-flag.ts'
import { compareSegments, mergeSegments, segmentsReached } from '../../../src/flag/compare/segments.ts'
import { isEqual } from '../../../src/flag/compare/verdict.ts'
import type { Definition } from '../../../src/flag/definition.ts'

const flag = (more: Partial<Definition> = {}): Definition => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...more,
})
const ALL: FlagSelection = { members: undefined, resolve: {}, remove: false }
const carried = (definition: Definition, uncarried: string[] = []) => ({ definition, uncarried })

/** The members of a definition that may be absent, with the definition that has one of three states of it. */
const MEMBERS: readonly (readonly [member: string, with_: (value: unknown) => Definition])[] = [
  ['/variants/c', (value) => flag({ variants: { on: true, off: false, ...(value !== undefined && { c: value }) } })],
  ['/defaultVariant', (value) => ({ ...flag(), defaultVariant: value === undefined ? null : `${value}` })],
  ['/targeting', (value) => flag({ targeting: value === undefined ? {} : { if: [{ var: 'a' }, `${value}`] } })],
  ['/metadata/team', (value) => flag({ ...(value !== undefined && { metadata: { team: `${value}` } }) })],
  ['/$comment', (value) => flag({ ...(value !== undefined && { $comment: value }) })],
]
const STATES = [undefined, 'x', 'y']

for (const [member, of] of MEMBERS)
  test(`all 27 states of ${member} in source, target and base have their verdict, and carry what it says`, () => {
    for (const s of STATES)
      for (const t of STATES)
        for (const b of STATES) {
          const sides = { source: of(s), target: of(t), base: carried(of(b)) }
          const comparison = compareFlag(sides).members.find((one) => one.member === member)
          const verdict = s === t ? 'equal' : b === t ? 'take' : b === s ? 'keep' : 'conflict'
          const where = `source ${s}, target ${t}, base ${b}`
          assert.equal(comparison?.verdict ?? 'equal', verdict, where)
          const merged = mergeFlag(sides, ALL, 'keep')
          assert.deepEqual(merged.conflicts.length, verdict === 'conflict' ? 1 : 0, where)
          assert.deepEqual(merged.next, verdict === 'take' ? of(s) : of(t), where)
          const again = { ...sides, target: merged.next, base: merged.base }
          if (verdict !== 'conflict') assert.deepEqual(mergeFlag(again, ALL, 'keep').next, merged.next, where)
        }
  })

test('all 9 states of a member in source and target are unknown without a base, and must be chosen', () => {
  for (const [member, of] of MEMBERS)
    for (const s of STATES)
      for (const t of STATES) {
        const sides = { source: of(s), target: of(t), base: undefined }
        const conflicts = mergeFlag(sides, ALL, 'keep').conflicts
        assert.deepEqual(
          conflicts.map(({ member, verdict }) => [member, verdict]),
          s === t ? [] : [[member, 'unknown']],
        )
        const chosen = mergeFlag(sides, { ...ALL, members: [member] }, 'keep')
        assert.deepEqual([chosen.next, chosen.conflicts], [of(s), []])
        const other = mergeFlag(sides, { ...ALL, resolve: { '': 'target' } }, 'keep')
        assert.deepEqual([other.next, other.conflicts], [of(t), []])
      }
})

test('all 27 states of a whole flag in source, target and base', () => {
  const states = [undefined, flag(), flag({ metadata: { team: 'y' } })]
  for (const source of states)
    for (const target of states)
      for (const b of states) {
        if (!source && !target) continue
        const base = b && carried(b)
        const { status, members } = compareFlag({ source, target, base })
        if (source && target) assert.equal(status, source === target ? 'equal' : 'different')
        else {
          assert.equal(status, source ? 'only-in-source' : 'only-in-target')
          const present = source ?? target
          const changed = b ? (b === present ? false : 'both') : undefined
          const expected =
            changed === 'both' ? 'conflict' : (changed === undefined) === Boolean(source) ? 'take' : 'keep'
          assert.deepEqual(
            members.map(({ member, verdict }) => [member, verdict]),
            [['', expected]],
          )
        }
      }
})

test('the state is kept, and is carried where it is said', () => {
  const sides = { source: flag(), target: flag({ state: 'DISABLED' }), base: undefined }
  const stateWith = (selection: Partial<FlagSelection>, state: 'keep' | 'take' = 'keep') =>
    mergeFlag(sides, { ...ALL, ...selection }, state).next?.state
  assert.equal(stateWith({}), 'DISABLED')
  assert.equal(stateWith({}, 'take'), 'ENABLED')
  assert.equal(stateWith({ members: ['/state'] }), 'ENABLED')
  assert.equal(stateWith({ resolve: { '/state': 'source' } }), 'ENABLED')
  assert.equal(stateWith({ resolve: { '': 'source', '/state': 'target' } }), 'DISABLED', 'the longest pointer decides')
  const after = mergeFlag(sides, ALL, 'keep').base
  assert.equal(compareFlag({ ...sides, base: after }).members[0]?.verdict, 'keep', 'the target keeps its own switch')
})

test('a new flag arrives disabled, unless its state is taken', () => {
  const sides = { source: flag(), target: undefined, base: undefined }
  assert.deepEqual(mergeFlag(sides, ALL, 'keep').next, flag({ state: 'DISABLED' }))
  assert.deepEqual(mergeFlag(sides, ALL, 'take').next, flag())
  assert.deepEqual(mergeFlag(sides, { ...ALL, members: ['/state'] }, 'keep').next, flag())
})

test('a flag that the source does not have is removed only where that is said', () => {
  const sides = { source: undefined, target: flag(), base: carried(flag()) }
  assert.deepEqual(mergeFlag(sides, ALL, 'keep').next, flag())
  assert.deepEqual(mergeFlag(sides, { ...ALL, remove: true }, 'keep').next, undefined)
  const changed = { ...sides, base: carried(flag({ metadata: { a: 1 } })) }
  assert.equal(mergeFlag(changed, { ...ALL, remove: true }, 'keep').conflicts.length, 1)
})

test('members of a selection are carried and no others, and those left out stay as they were', () => {
  const source = flag({ variants: { on: true, off: false, b: true }, metadata: { team: 'a' }, targeting: { var: 'x' } })
  const target = flag({ metadata: { own: 1 } })
  const one = mergeFlag({ source, target, base: undefined }, { ...ALL, members: ['/variants', '/targeting'] }, 'keep')
  assert.deepEqual(one.next, { ...target, variants: source.variants, targeting: { var: 'x' } })
  assert.deepEqual(one.taken.toSorted(), ['/targeting', '/variants/b'])
  const later = compareFlag({ source, target: one.next, base: one.base })
  const verdicts = Object.fromEntries(later.members.map(({ member, verdict }) => [member, verdict]))
  assert.deepEqual([verdicts['/metadata/team'], verdicts['/metadata/own']], ['unknown', 'unknown'], 'never carried')
  assert.equal(verdicts['/variants/b'], 'equal')
})

test('a change that is left out of a later selection is still to take', () => {
  const base = carried(flag({ metadata: { a: 1, b: 1 } }))
  const source = flag({ metadata: { a: 2, b: 2 } })
  const merged = mergeFlag({ source, target: base.definition, base }, { ...ALL, members: ['/metadata/a'] }, 'keep')
  assert.deepEqual(merged.next?.metadata, { a: 2, b: 1 })
  const { members } = compareFlag({ source, target: merged.next, base: merged.base })
  assert.equal(members.find(({ member }) => member === '/metadata/b')?.verdict, 'take')
})

test('a conflict that is resolved for the target is none afterwards, until the source changes again', () => {
  const base = carried(flag({ metadata: { a: 1 } }))
  const sides = { source: flag({ metadata: { a: 2 } }), target: flag({ metadata: { a: 3 } }), base }
  assert.equal(mergeFlag(sides, ALL, 'keep').conflicts.length, 1)
  const merged = mergeFlag(sides, { ...ALL, resolve: { '/metadata/a': 'target' } }, 'keep')
  assert.deepEqual([merged.next?.metadata, merged.conflicts], [{ a: 3 }, []])
  const verdict = (source: Definition) =>
    compareFlag({ source, target: merged.next, base: merged.base }).members.find(
      ({ member }) => member === '/metadata/a',
    )?.verdict
  assert.equal(verdict(sides.source), 'keep')
  assert.equal(verdict(flag({ metadata: { a: 4 } })), 'conflict')
})

test('members in another order are equal, and so are the ways to say "none"', () => {
  const source = flag({ metadata: { a: 1, b: 2 }, targeting: { if: [{ var: 'a' }, { b: 1, c: 2 }] } })
  const target = flag({ targeting: { if: [{ var: 'a' }, { c: 2, b: 1 }] }, metadata: { b: 2, a: 1 } })
  assert.equal(compareFlag({ source, target, base: undefined }).status, 'equal')
  const none = [{ defaultVariant: null }, { defaultVariant: '' }, { defaultVariant: undefined }].map((more) =>
    flag(more),
  )
  const noRule = [{ targeting: {} }, { targeting: null }, {}].map((more) => ({ ...none[0], ...more }) as Definition)
  for (const one of [...none, ...noRule])
    for (const other of [...none, ...noRule])
      assert.equal(compareFlag({ source: one, target: other, base: undefined }).status, 'equal')
})

test('isEqual() compares what is deeper than the call stack', () => {
  const deep = () => {
    let value: unknown = 1
    for (let depth = 0; depth < 100_000; depth += 1) value = [value]
    return value
  }
  assert.equal(isEqual(deep(), deep()), true)
  assert.equal(isEqual([deep()], deep()), false)
  for (const [one, other] of [
    [null, {}],
    [[], {}],
    [0, '0'],
    [{ a: 1 }, { b: 1 }],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: undefined }, {}],
  ])
    assert.equal(isEqual(one, other), false)
})

test('a plan is compared by its parts; with a flag without one as a whole, and its rule goes with it', () => {
  const plan = (more: object) => ({ flagstaff: { v: 1, ...more } })
  const source = flag({ ...plan({ rule: 'on', timeline: [{ at: 1 }] }), targeting: { if: [true, 'on'] } })
  const target = flag({ ...plan({ rule: 'off', timeline: [{ at: 1 }] }), targeting: { if: [true, 'off'] } })
  const both = compareFlag({ source, target, base: undefined })
  assert.deepEqual(
    both.members.filter(({ verdict }) => verdict !== 'equal').map(({ member }) => member),
    ['/flagstaff/rule'],
  )
  const plain = flag({ targeting: { if: [true, 'on', 'off'] } })
  const mixed = compareFlag({ source, target: plain, base: undefined }).members.find(
    ({ verdict }) => verdict !== 'equal',
  )
  assert.deepEqual([mixed?.member, mixed?.target], ['/flagstaff', { rule: plain.targeting }])
  const select = { ...ALL, members: ['/flagstaff'] }
  assert.deepEqual(mergeFlag({ source, target: plain, base: undefined }, select, 'keep').next, source)
  assert.deepEqual(mergeFlag({ source: plain, target, base: undefined }, select, 'keep').next, plain)
})

test('"/targeting" names the parts of a plan, as a member and as a place with a side', () => {
  const planned = (rule: string, more: object = {}) => ({
    ...flag({ flagstaff: { v: 1, rule, timeline: [{ at: rule }] }, targeting: { if: [true, rule] } }),
    ...more,
  })
  const [source, target] = [planned('on', { metadata: { a: 1 } }), planned('off')]
  const sides = { source, target, base: undefined }
  const parts = ['/flagstaff/rule', '/flagstaff/timeline']
  const selected = mergeFlag(sides, { ...ALL, members: ['/targeting'] }, 'keep')
  assert.deepEqual([selected.taken, selected.next?.['flagstaff']], [parts, source['flagstaff']])
  assert.equal(selected.next?.metadata, undefined)
  const sided = (resolve: FlagSelection['resolve']) => mergeFlag(sides, { ...ALL, resolve }, 'keep').taken
  assert.deepEqual(sided({ '': 'target', '/targeting': 'source' }), parts)
  assert.deepEqual(sided({ '': 'source', '/targeting': 'target' }), ['/metadata/a'])
  for (const both of [
    { '/targeting': 'source', '/flagstaff': 'target', '': 'target' },
    { '/flagstaff': 'target', '/targeting': 'source', '': 'target' },
  ] as const)
    assert.deepEqual(sided(both), [])
  assert.deepEqual(sided({ '': 'target', '/targeting': 'source', '/flagstaff/rule': 'target' }), [
    '/flagstaff/timeline',
  ])
  const plain = { ...sides, target: flag({ targeting: { if: [true, 'off'] } }) }
  assert.deepEqual(mergeFlag(plain, { ...ALL, members: ['/targeting'] }, 'keep').taken, ['/flagstaff'])
})

test('a rule that was left out is not carried either once both flags have plans', () => {
  const planned = (rule: string) => flag({ flagstaff: { v: 1, rule }, targeting: { if: [true, rule] } })
  const base = carried(flag({ targeting: { if: [true, 'on'] } }), ['/targeting'])
  const { members } = compareFlag({ source: planned('on'), target: planned('off'), base })
  assert.equal(members.find(({ member }) => member === '/flagstaff')?.verdict, 'unknown')
})

test('segments that the target lacks are taken, and those that differ are conflicts until they are named', () => {
  const source = { a: [1], b: { $ref: 'c' }, c: [2], d: [3], unused: [4] }
  const rule = { if: [{ or: [{ in: [{ var: 'x' }, { $ref: 'a' }] }, { $ref: 'b' }, { $ref: 'd' }] }, 'on'] }
  const names = segmentsReached([flag({ targeting: rule }), undefined], source)
  assert.deepEqual(names, ['a', 'b', 'c', 'd'])
  assert.deepEqual(segmentsReached([flag({ flagstaff: { v: 1, rule } })], source), names)
  const comparisons = compareSegments(names, { source, target: { a: [1], c: [9], d: [8] }, base: { d: [8] } })
  assert.deepEqual(
    comparisons.map(({ segment, verdict }) => [segment, verdict]),
    [
      ['a', 'equal'],
      ['b', 'take'],
      ['c', 'unknown'],
      ['d', 'take'],
    ],
  )
  const merged = mergeSegments(comparisons, {})
  assert.deepEqual(merged.next, { b: { $ref: 'c' } })
  assert.deepEqual(
    merged.conflicts.map(({ segment }) => segment),
    ['c', 'd'],
  )
  const resolved = mergeSegments(comparisons, { c: 'source', d: 'target' })
  assert.deepEqual([resolved.next, resolved.conflicts], [{ b: { $ref: 'c' }, c: [2] }, []])
})

test('names like those of prototypes are members like others', () => {
  const source = flag({ metadata: JSON.parse('{"constructor":1,"toString":"a"}') })
  const merged = mergeFlag({ source, target: flag(), base: undefined }, { ...ALL, members: [''] }, 'keep')
  assert.deepEqual(merged.next?.metadata, source.metadata)
  const [comparison] = compareSegments(['toString'], { source: { toString: [1] }, target: {}, base: {} })
  assert.deepEqual([comparison?.verdict, comparison?.target], ['take', undefined])
})
