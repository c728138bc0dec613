import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localTime, timeOf } from '../../../../src/console/parts/display/local-time.ts'

for (const local of ['2026-01-31T23:59', '2026-07-01T00:00'])
  test(`localTime() is the inverse of timeOf() at ${local}`, () => assert.equal(localTime(timeOf(local) ?? 0), local))

test('timeOf() is undefined for an empty field', () => assert.equal(timeOf(''), undefined))
