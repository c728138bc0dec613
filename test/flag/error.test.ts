import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pointerTo } from '../../src/flag/error.ts'

for (const [steps, pointer] of [
  [[], ''],
  [['flags', 'a/b'], '/flags/a~1b'],
  [['~1', ''], '/~01/'],
] as const)
  test(`pointerTo(${JSON.stringify(steps)}) is ${JSON.stringify(pointer)}`, () =>
    assert.equal(pointerTo(...steps), pointer))
