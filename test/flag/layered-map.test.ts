import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { patchMap } from '../../src/flag/layered-map.ts'

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => [`k${from + index}`, { number: from + index }] as const)
const keys = fc.integer({ min: 0, max: 520 }).map((number) => `k${number}`)
const value = fc.option(fc.record({ number: fc.integer() }), { nil: undefined })

test('patchMap() many times gives what changing one map gives, and leaves the maps before as they were', () => {
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

test('patchMap() keeps the order, and puts what is new at the end', () => {
  const changes = new Map([
    ['new', { number: -1 }],
    ['k3', { number: 0 }],
    ['k4', undefined],
  ])
  const order = [...patchMap(new Map(numbered(0, 1000)), changes).keys()]
  assert.deepEqual(order.slice(0, 5), ['k0', 'k1', 'k2', 'k3', 'k5'])
  assert.deepEqual(order.slice(-2), ['k999', 'new'])
})
