import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeSnapshot, encodeSnapshot } from '../../src/cache/snapshots.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { snapshotOf } from '../support/ofrep.ts'

const stamp = { incarnation: 'test', revision: 1n }
const on = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }
const again = (text: string) => decodeSnapshot('p/e', { revisionId: stamp, text })
const values = (text: string) => again(text)?.flagSet.flags.values() ?? []

test('readSnapshot() restores the snapshot that writeSnapshot() wrote', () => {
  const segments = { members: { in: ['@a.b', { var: 'email' }] } }
  const flags = { plain: on, ruled: { ...on, targeting: { if: [{ $ref: 'members' }, 'on', null] } }, nonsense: 7 }
  const snapshot = snapshotOf('p/e', { flags, $evaluators: segments, metadata: { team: 'a' } })
  const read = again(encodeSnapshot(snapshot))
  assert.ok(read)
  const { flagSet, ...version } = read
  assert.deepEqual({ ...snapshot, ...version }, snapshot)
  assert.deepEqual([flagSet.segments, flagSet.metadata, flagSet.bucketing], [segments, { team: 'a' }, 'v2'])
  for (const key of Object.keys(flags))
    for (const context of [{}, { email: 'ada@a.b' }])
      assert.deepEqual(
        evaluateKey(flagSet, key, context, 0),
        evaluateKey(snapshot.flagSet, key, context, 0),
        `${key} of ${JSON.stringify(context)}`,
      )
})

test('writeSnapshot() writes a flag that was never evaluated as it was read', () => {
  const text = encodeSnapshot(snapshotOf('p/e', { flags: { a: on, b: on } }))
  const read = again(text)
  assert.ok(read)
  assert.equal(encodeSnapshot(read), text)
  assert.deepEqual(
    Array.from(read.flagSet.flags.values(), ({ definition }) => definition),
    [on, on],
  )
  assert.equal(encodeSnapshot(read), text)
})

test('any key and any definition is restored', () => {
  const keys = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\\"', '",{', '\n', '["', ']', ''))
  fc.assert(
    fc.property(fc.uniqueArray(keys), fc.jsonValue(), (names, extra) => {
      const flags = Object.fromEntries(names.map((name) => [`k${name}`, { ...on, extra }]))
      const text = encodeSnapshot(snapshotOf('p/e', { flags }))
      const wanted: [string, unknown][] = JSON.parse(JSON.stringify(Object.entries(flags)))
      for (const [key, definition] of wanted)
        assert.deepEqual(again(text)?.flagSet.flags.get(key)?.definition, definition, 'alone')
      assert.deepEqual(
        Array.from(values(text), ({ key, definition }) => [key, definition]),
        wanted,
      )
    }),
  )
})

const whole = encodeSnapshot(snapshotOf('p/e', { flags: { a: on, b: on } }))
const [head = '', first = ''] = whole.split('\n')
for (const [what, text] of [
  ['nothing', ''],
  ['a list', '[]'],
  ['a set with flags in one line, as older versions write it', `${head.slice(0, -3)}"flags":[["a",{}]]}`],
  ['no head', first],
] as const)
  test(`readSnapshot() returns undefined for ${what}`, () => {
    assert.equal(again(text), undefined)
  })

test('a definition that is not JSON is an invalid flag, and affects no other', () => {
  const read = again([head, first, '["b",{]'].join('\n'))
  assert.ok(read)
  assert.equal(evaluateKey(read.flagSet, 'b', {}, 0).reason, 'ERROR')
  assert.equal(evaluateKey(read.flagSet, 'a', {}, 0).reason, 'STATIC')
})
