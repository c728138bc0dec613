import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { KeyCache } from '../../src/cache/authenticator.ts'
import { DatabaseHealth } from '../../src/cache/freshness.ts'
import { FlagError } from '../../src/flag/error.ts'
import { digestOf, hashSecret } from '../../src/repository/digest.ts'
import type { UsableKeys } from '../../src/repository/postgres/keys.ts'
import type { RevisionId } from '../../src/repository/redis/snapshot-store.ts'

const key = (secret: string, expiresAt: Date | null = null): UsableKeys['keys'][number] => ({
  id: secret,
  name: secret,
  role: 'client',
  environment: { project: 'p', environment: 'e' },
  createdBy: '',
  createdAt: new Date(0),
  revokedAt: null,
  lastUsedAt: null,
  expiresAt,
  hash: hashSecret(secret),
})

const streamSecret = Buffer.alloc(32, 1)
let now = 1_000_000
let questions = 0
let source: UsableKeys
let isAway = false
let uses: readonly [name: string, now: number][]
let ring: KeyCache
beforeEach(() => {
  questions = 0
  isAway = false
  uses = []
  source = { incarnation: 'one', revision: 1n, streamSecret, keys: [key('good')] }
  const replication = {
    snapshotStore: undefined,
    now: () => now,
    freshnessMs: 1_000,
    truthCheckMs: 10_000,
    databaseHealth: new DatabaseHealth(),
    log: () => undefined,
  }
  const read = async (since?: RevisionId) => {
    questions += 1
    if (isAway) throw new FlagError('unavailable', 'away')
    return since?.revision === source.revision ? undefined : source
  }
  ring = new KeyCache(replication, read, {
    adminSecret: 'the-admin-secret',
    wallNow: () => now,
    noteUse: ({ name }, seconds) => {
      uses = [...uses, [name, seconds]]
    },
  })
})

test('find() finds a key synchronously after the first read, without a promise', async () => {
  assert.equal((await ring.find('good'))?.name, 'key:good')
  assert.ok(!(ring.find('good') instanceof Promise))
  assert.equal(questions, 1)
})

test('a flood of wrong keys causes one read per freshness interval', async () => {
  await ring.find('wrong')
  for (let index = 0; index < 1_000; index++) assert.equal(await ring.find(`wrong ${index}`), undefined)
  assert.equal(questions, 1)
  now += 1_000
  await Promise.all(Array.from({ length: 100 }, (_, index) => ring.find(`wrong ${index}`)))
  assert.equal(questions, 2)
})

test('a key that another replica has just created is found', async () => {
  await ring.find('good')
  source = { incarnation: 'one', revision: 2n, streamSecret, keys: [key('good'), key('new')] }
  now += 1_000
  assert.equal((await ring.find('new'))?.name, 'key:new')
})

test('a key that another replica revoked is refused after the next read', async () => {
  await ring.find('good')
  source = { incarnation: 'one', revision: 2n, streamSecret, keys: [] }
  now += 1_000
  await ring.find('good') // answered from memory; the read is in the background
  await ring.refresh()
  assert.equal(await ring.find('good'), undefined)
})

test('a key is refused from the moment it expires, whatever the store contains', async () => {
  source = { incarnation: 'one', revision: 1n, streamSecret, keys: [key('brief', new Date(now + 500))] }
  assert.ok(await ring.find('brief'))
  now += 500
  assert.equal(await ring.find('brief'), undefined)
})

test('known keys and the admin key work while the store is unreachable; an unknown key is not refused as wrong before any was read', async () => {
  isAway = true
  assert.equal((await ring.find('the-admin-secret'))?.role, 'admin')
  await assert.rejects(Promise.resolve(ring.find('good')), { code: 'unavailable' })
  isAway = false
  await ring.refresh()
  isAway = true
  now += 5_000
  assert.ok(await ring.find('good'))
  assert.equal(await ring.find('wrong'), undefined)
})

test('each use of a stored key is noted, by a request as by a session, and none of a key that is refused', async () => {
  await ring.find('good')
  now += 2_000
  assert.equal((await ring.findByDigest(digestOf('good')))?.name, 'key:good')
  for (const secret of ['the-admin-secret', 'wrong']) {
    await ring.find(secret)
    await ring.findByDigest(digestOf(secret))
  }
  const seconds = Math.floor(now / 1_000)
  assert.deepEqual(uses, [
    ['key:good', seconds - 2],
    ['key:good', seconds],
  ])
})

test('isUsable() is false from the moment a key is revoked or expires, and notes no use', async () => {
  source = { incarnation: 'one', revision: 1n, streamSecret, keys: [key('good'), key('brief', new Date(now + 500))] }
  const principals = await Promise.all(['good', 'brief', 'the-admin-secret'].map((secret) => ring.find(secret)))
  const usable = () => Promise.all(principals.map((principal) => principal && ring.isUsable(principal)))
  uses = []
  assert.deepEqual(await usable(), [true, true, true])
  now += 500
  assert.deepEqual(await usable(), [true, false, true])
  source = { incarnation: 'one', revision: 2n, streamSecret, keys: [] }
  await ring.refresh()
  assert.deepEqual(await usable(), [false, false, true])
  assert.deepEqual(uses, [])
})
