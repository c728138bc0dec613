import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Matrix } from '../../../../src/console/api/matrix.ts'
import { changedCells } from '../../../../src/console/pages/flags/foreign-changes.ts'

const matrix = (revisions: Record<string, number>): Matrix => ({
  project: 'shop',
  environments: [{ key: 'test', name: 'Test', position: 0, protected: false, revision: 1 }],
  flags: Object.entries(revisions).map(([key, revision]) => ({
    key,
    type: 'boolean',
    description: '',
    owner: '',
    tags: [],
    permanent: false,
    archivedAt: null,
    createdAt: '2026-01-01T00:00:00Z',
    environments: {
      test: { revision, state: 'on', served: `at ${revision}`, variant: 'on', lastEvaluatedAt: null, stale: null },
    },
  })),
})

test('changedCells() names what others changed, with what it serves now', () => {
  const changed = changedCells(matrix({ a: 1, b: 1, c: 1 }), matrix({ a: 2, b: 1, c: 3 }), ({ flag }) => flag === 'c')
  assert.deepEqual(changed, [{ flag: 'a', environment: 'test', served: 'at 2' }])
})

test('changedCells() leaves out flags that were not there before, as rows that are read later', () => {
  assert.deepEqual(
    changedCells(matrix({ a: 1 }), matrix({ a: 1, b: 1 }), () => false),
    [],
  )
})
