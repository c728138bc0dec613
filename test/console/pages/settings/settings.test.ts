import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../../../../src/console/api/client.ts'
import {
  type Environment,
  metadataOf,
  moved,
  patchOf,
  writePatch,
} from '../../../../src/console/pages/settings/settings.ts'

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

test('patchOf() has only the members that differ', () => {
  const first = { name: 'A', metadata: { team: 'x' }, protected: false }
  assert.deepEqual(patchOf(first, { name: 'B', metadata: { team: 'x' }, protected: false }), { name: 'B' })
})

type Text = { readonly version: number; readonly name: string; readonly description: string }

/** A store of one object that refuses writes to other versions than its own. */
function storeOf(stored: Text, patch: Partial<Text>) {
  const store = { stored, tags: [] as string[] }
  const tagOf = ({ version }: Text) => `"${version}"`
  const write = (ifMatch: string) => {
    store.tags.push(ifMatch)
    if (ifMatch !== tagOf(store.stored)) return Promise.reject(new ApiError('stale', { status: 412, code: 'stale' }))
    store.stored = { ...store.stored, ...patch }
    return Promise.resolve()
  }
  return { store, io: { tagOf, write, read: () => Promise.resolve(store.stored) } }
}
const seen: Text = { version: 1, name: 'Shop', description: 'Old' }

test('writePatch() writes to the version that was seen', async () => {
  const { store, io } = storeOf(seen, { name: 'Web shop' })
  await writePatch(seen, { name: 'Web shop' }, io)
  assert.deepEqual([store.stored.name, store.tags], ['Web shop', ['"1"']])
})

test('writePatch() keeps what others changed in other members meanwhile', async () => {
  const { store, io } = storeOf({ ...seen, version: 2, description: 'Theirs' }, { name: 'Mine' })
  await writePatch(seen, { name: 'Mine' }, io)
  assert.deepEqual(store.stored, { version: 2, name: 'Mine', description: 'Theirs' })
})

test('writePatch() refuses to overwrite a member that others changed meanwhile, and names it', async () => {
  const { store, io } = storeOf({ ...seen, version: 2, name: 'Theirs' }, { name: 'Mine' })
  await assert.rejects(writePatch(seen, { name: 'Mine' }, io), (error) => {
    assert.ok(error instanceof ApiError)
    assert.deepEqual(error.mistakes, [
      { pointer: '/name', detail: 'changed meanwhile to "Theirs". Save again to overwrite it' },
    ])
    return true
  })
  assert.equal(store.stored.name, 'Theirs')
})

test('writePatch() gives up on an object that changes before each write', async () => {
  const { io } = storeOf({ ...seen, version: 2 }, {})
  let version = 2
  const read = () => Promise.resolve({ ...seen, version: ++version })
  await assert.rejects(writePatch(seen, { name: 'Mine' }, { ...io, read }), { status: 412 })
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
