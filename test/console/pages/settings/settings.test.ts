import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Environment, metadataOf, moved } from '../../../../src/console/pages/settings/settings.ts'

const environment = (key: string, position: number): Environment => ({
  project: 'shop',
  key,
  flagSetId: `shop/${key}`,
  name: key,
  description: '',
  bucketing: 'v2',
  position,
  protected: false,
  metadata: {},
  revision: 1,
  changedAt: '2026-11-29T12:00:00Z',
  createdAt: '2026-11-29T12:00:00Z',
})

const order = [environment('dev', 0), environment('staging', 1), environment('production', 2)]
const places = (key: string, step: -1 | 1, environments = order) =>
  moved(environments, key, step).map(({ environment, position }) => `${environment.key} ${position}`)

test('moved() exchanges two neighbours', () => {
  assert.deepEqual(places('production', -1), ['production 1', 'staging 2'])
  assert.deepEqual(places('dev', 1), ['staging 0', 'dev 1'])
})

test('moved() changes nothing at the ends, and for an unknown key', () => {
  for (const [key, step] of [
    ['dev', -1],
    ['production', 1],
    ['other', 1],
  ] as const)
    assert.deepEqual(places(key, step), [])
})

test('moved() tells equal positions apart', () => {
  const equal = ['a', 'b', 'c'].map((key) => environment(key, 0))
  assert.deepEqual(places('b', 1, equal), ['c 1', 'b 2'])
})

for (const [text, expected] of [
  ['', {}],
  ['{"team": "payments", "level": 2}', { team: 'payments', level: 2 }],
] as const)
  test(`metadataOf() reads ${text || 'an empty text'}`, () => assert.deepEqual(metadataOf(text), expected))

for (const text of ['[1]', '"x"', '{"a"', 'null'])
  test(`metadataOf() says what is wrong with ${text}`, () => assert.equal(typeof metadataOf(text), 'string'))
