import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFlagSet, compileWritten, patchFlagSet } from '../../src/flag/flag-set.ts'
import { lineOf } from '../../src/flag/lazy-flags.ts'

const SETTINGS = { segments: {}, metadata: {}, bucketing: 'v2' } as const
const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' } as const
const off = { ...on, state: 'DISABLED' } as const

function written(keys: readonly string[]) {
  const { flags } = compileFlagSet({ ...SETTINGS, flags: new Map(keys.map((key) => [key, on])) })
  return compileWritten({ lines: Array.from(flags.values(), lineOf).join(''), size: flags.size }, SETTINGS)
}
const KEYS = Array.from({ length: 40 }, (_, n) => `flag-${n}`)

test('a flag that was found alone is the same among all, which come in their order', () => {
  const { flags } = written(KEYS)
  const found = flags.get('flag-7')
  assert.ok(found)
  assert.deepEqual([...flags.keys()], KEYS)
  assert.equal([...flags.values()][7], found)
  assert.equal(flags.get('flag-7'), found)
  assert.deepEqual([flags.size, [...flags].length], [40, 40])
})

test('every flag is found, however many are asked for, and none that is not there', () => {
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

test('a change of a set whose flags are text leaves the others as they were', () => {
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
