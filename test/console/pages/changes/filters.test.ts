import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filtersOf, searchOf } from '../../../../src/console/pages/changes/filters.ts'

test('filtersOf() reads what searchOf() writes', () => {
  const filters = {
    flag: 'new checkout & more',
    environment: 'production',
    actor: 'key:ada',
    subject: 'definition',
    from: '2026-11-01T00:00:00.000Z',
    to: '2026-12-01T00:00:00.000Z',
  } as const
  const query = Object.fromEntries(new URLSearchParams(searchOf(filters)))
  assert.deepEqual(filtersOf(query), filters)
})

test('filtersOf() leaves out what cannot be a filter', () => {
  assert.deepEqual(filtersOf({ subject: 'weather', from: 'yesterday', to: '', flag: '', other: 'x' }), {})
})

test('searchOf() is empty without filters', () => {
  assert.equal(searchOf({}), '')
  assert.equal(searchOf({ flag: undefined, actor: '' }), '')
})
