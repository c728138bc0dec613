import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError } from '../../../src/console/api/client.ts'
import { patchOf, writePatch } from '../../../src/console/api/patch.ts'

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
  const conflicts: Text[] = []
  const onConflict = (current: Text) => void conflicts.push(current)
  await assert.rejects(writePatch(seen, { name: 'Mine' }, { ...io, onConflict }), (error) => {
    assert.ok(error instanceof ApiError)
    assert.deepEqual(error.mistakes, [
      { pointer: '/name', detail: 'changed meanwhile to "Theirs". Save again to overwrite it' },
    ])
    return true
  })
  assert.equal(store.stored.name, 'Theirs')
  assert.deepEqual(conflicts, [store.stored], 'a second write starts from here')
  await writePatch(store.stored, { name: 'Mine' }, io)
  assert.equal(store.stored.name, 'Mine')
})

test('writePatch() gives up on an object that changes before each write', async () => {
  const { io } = storeOf({ ...seen, version: 2 }, {})
  let version = 2
  const read = () => Promise.resolve({ ...seen, version: ++version })
  await assert.rejects(writePatch(seen, { name: 'Mine' }, { ...io, read }), { status: 412 })
})
