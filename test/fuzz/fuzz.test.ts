import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { RUNTIME } from '../support/process.ts'
import { pureTargets } from './pure.ts'
import { fuzz, isPlaceIn } from './target.ts'
import { openWires, type Wires } from './wires.ts'

// The short form of npm run fuzz, which sends a million inputs. A failure names its seed and number: npm run fuzz -- --seed=… --only=….
const INPUTS = 12_000
const WIRE_INPUTS = 25_000
const SEED = 20_261_129

let wires: Wires
before(async () => {
  wires = await openWires(RUNTIME)
})
after(() => wires.close())

for (const target of pureTargets())
  test(`generated ${target.name}: no exception, errors with a place, and the same evaluation after each transport`, async () => {
    const { faults, figures } = await fuzz(target, { inputs: INPUTS, seed: SEED })
    assert.deepEqual(faults, [])
    assert.ok(figures.inputs > 1_000)
    assert.ok(figures.outcomes.size > 1, 'inputs are both accepted and refused')
  })

test('generated requests to the management API, OFREP and gRPC: no 5xx, no hang, no unexpected error, and problems with a place', async () => {
  for (const target of wires.targets) {
    const { faults, figures } = await fuzz(target, { inputs: WIRE_INPUTS, seed: SEED })
    assert.deepEqual(faults, [])
    assert.ok(figures.outcomes.size > 2, 'inputs are both accepted and refused')
  }
  assert.deepEqual(await wires.faults(), [])
})

test('isPlaceIn() finds places and members that are missing, and no others', () => {
  const value = { a: [{ b: 1 }], 'c/d': null }
  for (const pointer of ['', '/a', '/a/0', '/a/0/b', '/c~1d', '/missing', '/a/0/missing'])
    assert.ok(isPlaceIn(value, pointer), pointer)
  for (const pointer of ['/missing/x', '/a/0/b/x', '/a/0/x/y']) assert.ok(!isPlaceIn(value, pointer), pointer)
})
