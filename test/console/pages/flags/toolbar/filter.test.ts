import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MatrixCell, MatrixFlag } from '../../../../../src/console/api/matrix.ts'
import {
  filterFlags,
  hasTerm,
  parseFilter,
  sortFlags,
  withTerm,
} from '../../../../../src/console/pages/flags/toolbar/filter.ts'

const cell = (state: MatrixCell['state'], more: Partial<MatrixCell> = {}): MatrixCell => ({
  revision: 1,
  state,
  served: state,
  variant: null,
  lastEvaluatedAt: null,
  stale: null,
  ...more,
})
const flag = (key: string, more: Partial<MatrixFlag> = {}): MatrixFlag => ({
  key,
  type: 'boolean',
  description: '',
  owner: '',
  tags: [],
  permanent: false,
  archivedAt: null,
  createdAt: '2026-01-01T00:00:00Z',
  environments: {},
  ...more,
})

const FLAGS = [
  flag('banner', {
    description: 'Text on top',
    owner: 'Ada',
    tags: ['web', 'Big Launch'],
    environments: { test: cell('on'), production: cell('off', { stale: 'never_evaluated' }) },
    createdAt: '2026-03-01T00:00:00Z',
  }),
  flag('checkout', {
    owner: 'bo@example.com',
    tags: ['web'],
    permanent: true,
    environments: { test: cell('held'), production: cell('on', { evaluations24h: [1, 2] }) },
  }),
  flag('limit', { type: 'number', environments: { test: cell('partial', { evaluations24h: [9] }) } }),
  flag('old-banner', { archivedAt: '2026-02-01T00:00:00Z', createdAt: '2026-02-01T00:00:00Z' }),
]
const VIEW = { me: 'ada', environments: ['test', 'production'] }

for (const [text, keys] of [
  ['', ['banner', 'checkout', 'limit']],
  ['BANNER', ['banner']],
  ['ban top', ['banner']],
  ['"on top"', ['banner']],
  ['nothing', []],
  ['tag:web', ['banner', 'checkout']],
  ['tag:"big launch"', ['banner']],
  ['-tag:web', ['limit']],
  ['owner:bo@example.com', ['checkout']],
  ['owner:me', ['banner']],
  ['type:number', ['limit']],
  ['kind:permanent', ['checkout']],
  ['kind:temporary tag:web', ['banner']],
  ['is:on', ['banner', 'checkout']],
  ['is:on env:production', ['checkout']],
  ['is:held', ['checkout']],
  ['is:absent', ['limit']],
  ['is:stale', ['banner']],
  ['is:archived', ['old-banner']],
  ['is:archived banner', ['old-banner']],
  ['size:big', []],
  ['tag:', []],
] as const)
  test(`the query "${text}" finds ${keys.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(
      filterFlags(FLAGS, parseFilter(text), VIEW).map(({ key }) => key),
      keys,
    )
  })

test('without a session, owner:me finds nothing', () => {
  assert.deepEqual(filterFlags(FLAGS, parseFilter('owner:me'), { ...VIEW, me: undefined }), [])
})

test('withTerm() adds a condition, and removes it again', () => {
  const added = withTerm('ban', 'tag', 'Big Launch')
  assert.equal(added, 'ban tag:"Big Launch"')
  assert.ok(hasTerm(added, 'tag', 'big launch'))
  assert.equal(withTerm(added, 'tag', 'Big Launch'), 'ban')
  assert.equal(withTerm('', 'is', 'stale'), 'is:stale')
  assert.ok(!hasTerm('-is:stale', 'is', 'stale'))
})

for (const [sort, keys] of [
  ['key', ['banner', 'checkout', 'limit', 'old-banner']],
  ['created', ['banner', 'old-banner', 'limit', 'checkout']],
  ['evaluations', ['limit', 'checkout', 'banner', 'old-banner']],
] as const)
  test(`sorted by ${sort}: ${keys.join(', ')}`, () => {
    const sorted = sortFlags(FLAGS, sort).map(({ key }) => key)
    if (sort === 'created') assert.deepEqual(sorted.slice(0, 2), keys.slice(0, 2))
    else assert.deepEqual(sorted, keys)
  })
