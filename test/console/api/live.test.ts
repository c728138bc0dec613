import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HIDDEN_MS, IDLE_MS, mayFollow } from '../../../src/console/api/live.ts'

const now = 10_000_000
for (const [situation, use, expected] of [
  ['used just now', { usedAt: now }, true],
  ['used almost five minutes ago', { usedAt: now - IDLE_MS + 1 }, true],
  ['not used for five minutes', { usedAt: now - IDLE_MS }, false],
  ['hidden for less than a minute', { usedAt: now, hiddenAt: now - HIDDEN_MS + 1 }, true],
  ['hidden for a minute', { usedAt: now, hiddenAt: now - HIDDEN_MS }, false],
] as const)
  test(`a tab that is ${situation} ${expected ? 'may hold' : 'holds no'} stream open`, () => {
    assert.equal(mayFollow({ now, hiddenAt: undefined, ...use }), expected)
  })
