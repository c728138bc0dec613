import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MatrixCache } from '../../../../src/routes/management/overview/matrix-cache.ts'

const partAfter = (after: string) => ({ environments: undefined, limit: 50, after })

function openCache() {
  const state = { version: '1', now: 1_000_000, isBroken: false, reads: [] as string[] }
  const cache = new MatrixCache({
    readVersion: async () => state.version,
    readBody: async (_, { after }) => {
      state.reads.push(after)
      if (state.isBroken) throw new Error('no database')
      return `"${after}${state.reads.length}"`
    },
    now: () => state.now,
  })
  return { state, read: (after: string) => cache.read('shop', partAfter(after)) }
}

test('requests for one part at the same time are one read', async () => {
  const { state, read } = openCache()
  const [first, second] = await Promise.all([read('a'), read('a'), read('a')])
  assert.equal(first, second)
  assert.deepEqual(state.reads, ['a'])
})

test('a part is read again after a change, and after 10 seconds for its usage', async () => {
  const { state, read } = openCache()
  await read('a')
  state.version = '2'
  await read('a')
  state.now += 9_999
  await read('a')
  assert.equal(state.reads.length, 2)
  state.now += 1
  await read('a')
  assert.equal(state.reads.length, 3)
})

test('a part that is read again takes the place of its old form, and a sixth part that of the oldest', async () => {
  const { state, read } = openCache()
  await read('a')
  state.now -= 8_000
  await read('b')
  state.now += 8_000
  for (const after of ['c', 'd', 'e']) await read(after)
  state.now += 3_000
  await read('b') // 11 seconds old
  assert.deepEqual(state.reads.splice(0), ['a', 'b', 'c', 'd', 'e', 'b'])
  for (const after of ['a', 'c', 'd', 'e', 'b']) await read(after)
  assert.deepEqual(state.reads.splice(0), [])
  await read('f')
  for (const after of ['c', 'd', 'e', 'b']) await read(after)
  assert.deepEqual(state.reads.splice(0), ['f'])
  await read('a')
  assert.deepEqual(state.reads, ['a'])
})

test('a read that fails is not kept', async () => {
  const { state, read } = openCache()
  state.isBroken = true
  await assert.rejects(read('a'), /no database/)
  state.isBroken = false
  assert.equal((await read('a')).body, '"a2"')
})
