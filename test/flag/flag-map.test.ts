import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineOf, patchMap } from '../../src/flag/flag-map.ts'
import { compileFlagSet, compileSerialized, patchFlagSet } from '../../src/flag/flag-set.ts'

const SETTINGS = { segments: {}, metadata: {}, bucketing: 'v2' } as const
const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' } as const
const off = { ...on, state: 'DISABLED' } as const

function written(keys: readonly string[]) {
  const { flags } = compileFlagSet({ ...SETTINGS, flags: new Map(keys.map((key) => [key, on])) })
  return compileSerialized({ lines: Array.from(flags.values(), lineOf).join(''), size: flags.size }, SETTINGS)
}
const KEYS = Array.from({ length: 40 }, (_, n) => `flag-${n}`)

test('a flag found by key is the same object among all flags, which keep their order', () => {
  const { flags } = written(KEYS)
  const found = flags.get('flag-7')
  assert.ok(found)
  assert.deepEqual([...flags.keys()], KEYS)
  assert.equal([...flags.values()][7], found)
  assert.equal(flags.get('flag-7'), found)
  assert.deepEqual([flags.size, [...flags].length], [40, 40])
})

test('every flag is found, in any number of lookups, and no unknown flag', () => {
  const { flags } = written(KEYS)
  for (const key of [...KEYS, ...KEYS]) assert.equal(flags.get(key)?.key, key)
  for (const key of ['flag', 'flag-', 'flag-400', '', '"', 'on', 'state', 'flag-1",{']) {
    assert.equal(flags.get(key), undefined)
    assert.equal(written(KEYS).flags.get(key), undefined)
    assert.equal(written(KEYS).flags.has(key), false)
  }
  assert.equal(written([]).flags.get('flag-1'), undefined)
  assert.deepEqual([...written([]).flags], [])
})

test('a change of a set of flags in text form does not change the others', () => {
  const set = written(KEYS)
  const held = set.flags.get('flag-1')
  const after = patchFlagSet(set, {
    flags: [
      ['flag-0', off],
      ['flag-2', undefined],
    ],
  })
  assert.equal(after.flags.get('flag-1'), held)
  assert.equal(after.flags.get('flag-0')?.definition, off)
  assert.equal(after.flags.get('flag-2'), undefined)
  assert.deepEqual([set.flags.size, after.flags.size], [40, 39])
  assert.deepEqual(set.flags.get('flag-0')?.definition, on)
})

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => [`k${from + index}`, { number: from + index }] as const)
const keys = fc.integer({ min: 0, max: 520 }).map((number) => `k${number}`)
const value = fc.option(fc.record({ number: fc.integer() }), { nil: undefined })

test('patchMap() many times gives the same as changing one map, and does not change the maps before', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.tuple(keys, value), { maxLength: 3 }), { maxLength: 20 }), (patches) => {
      const expected = new Map<string, { number: number }>(numbered(0, 500))
      let map: ReadonlyMap<string, { number: number }> = new Map(expected)
      for (const patch of patches) {
        const before = map
        const entries = [...before]
        map = patchMap(map, new Map(patch))
        for (const [key, changed] of patch) changed === undefined ? expected.delete(key) : expected.set(key, changed)
        assert.deepEqual([...before], entries)
      }
      assert.deepEqual(new Map(map), expected)
      assert.equal(map.size, expected.size)
      assert.deepEqual(new Set(map.keys()), new Set(expected.keys()))
      assert.deepEqual(new Set(map.values()), new Set(expected.values()))
      for (const key of ['k0', 'k1', 'k510', 'gone']) {
        assert.equal(map.get(key), expected.get(key))
        assert.equal(map.has(key), expected.has(key))
      }
      let visited = 0
      map.forEach((found, key) => {
        assert.equal(found, expected.get(key))
        visited += 1
      })
      assert.equal(visited, expected.size)
    }),
    { numRuns: 200 },
  )
})

test('patchMap() keeps the order, and appends new keys', () => {
  const changes = new Map([
    ['new', { number: -1 }],
    ['k3', { number: 0 }],
    ['k4', undefined],
  ])
  const order = [...patchMap(new Map(numbered(0, 1000)), changes).keys()]
  assert.deepEqual(order.slice(0, 5), ['k0', 'k1', 'k2', 'k3', 'k5'])
  assert.deepEqual(order.slice(-2), ['k999', 'new'])
})
