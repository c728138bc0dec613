import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { DatabaseHealth } from '../../src/cache/freshness.ts'
import { Snapshots } from '../../src/cache/snapshots.ts'
import { FlagError } from '../../src/flag/error.ts'
import { evaluate } from '../../src/flag/evaluate.ts'
import type { EnvironmentRevision, LoadedEnvironment } from '../../src/repository/postgres/load-environment.ts'

const definition = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' } as const
const settings = { segments: {}, metadata: {}, bucketing: 'v2' } as const
const source = (revision: bigint, more: Partial<LoadedEnvironment> = {}): LoadedEnvironment => ({
  incarnation: 'one',
  id: 1n,
  revision,
  changedAt: new Date(0),
  changedIn: '',
  isUpdate: false,
  settings,
  flags: new Map([['a', definition]]),
  ...more,
})

let now = 0
let asked: (EnvironmentRevision | undefined)[] = []
let answer: () => Promise<LoadedEnvironment | undefined>
let snapshots: Snapshots
beforeEach(() => {
  now = 0
  asked = []
  answer = async () => source(1n)
  const replication = {
    snapshotStore: undefined,
    now: () => now,
    freshnessMs: 1_000,
    truthCheckMs: 10_000,
    databaseHealth: new DatabaseHealth(),
    log: () => undefined,
  }
  snapshots = new Snapshots(replication, (_flagSetId, since) => {
    asked.push(since)
    return answer()
  })
})
/** Waits for pending responses. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('current() waits once for an environment and never again', async () => {
  const first = snapshots.current('p/e')
  assert.ok(first instanceof Promise)
  assert.equal((await first).revision, 1n)
  const second = snapshots.current('p/e')
  assert.ok(!(second instanceof Promise))
})

test('requests that arrive while the first waits share its read', async () => {
  await Promise.all([snapshots.current('p/e'), snapshots.current('p/e'), snapshots.current('p/e')])
  assert.equal(asked.length, 1)
})

test('current() reads at most once per freshness interval, and only when it is called', async () => {
  await snapshots.current('p/e')
  now = 999
  snapshots.current('p/e')
  assert.equal(asked.length, 1)
  now = 60_000
  await settle()
  assert.equal(asked.length, 1, 'no request, no question')
  snapshots.current('p/e')
  snapshots.current('p/e')
  await settle()
  assert.equal(asked.length, 2)
  assert.equal(asked[1]?.revision, 1n, 'it tells what it holds')
})

test('an update changes only what it names, and does not change the previous snapshot', async () => {
  answer = async () =>
    source(1n, {
      flags: new Map([
        ['a', definition],
        ['b', definition],
      ]),
    })
  const before = await snapshots.current('p/e')
  const { settings: _, ...update } = source(2n, {
    isUpdate: true,
    flags: new Map([
      ['a', undefined],
      ['c', definition],
    ]),
  })
  answer = async () => update
  await snapshots.refresh('p/e')
  const after = await snapshots.current('p/e')
  assert.deepEqual(
    [[...before.flagSet.flags.keys()], [...after.flagSet.flags.keys()]],
    [
      ['a', 'b'],
      ['b', 'c'],
    ],
  )
  assert.equal(after.flagSet.flags.get('b'), before.flagSet.flags.get('b'), 'an unchanged flag is not compiled again')
})

test('a late response with an older revision is ignored', async () => {
  answer = async () => source(5n)
  await snapshots.current('p/e')
  answer = async () => source(4n, { isUpdate: true, flags: new Map() })
  await snapshots.refresh('p/e')
  assert.equal((await snapshots.current('p/e')).revision, 5n)
})

test('a full response replaces the cached snapshot even with a lower revision: the database was restored', async () => {
  answer = async () => source(5n)
  await snapshots.current('p/e')
  answer = async () => source(3n, { incarnation: 'two', flags: new Map() })
  await snapshots.refresh('p/e')
  assert.deepEqual([...(await snapshots.current('p/e')).flagSet.flags], [])
})

test('while the store is unreachable the last known flags are served, and nothing is thrown', async () => {
  await snapshots.current('p/e')
  answer = () => Promise.reject(new FlagError('unavailable', 'away'))
  now = 5_000
  const held = await snapshots.current('p/e')
  await settle()
  const flag = held.flagSet.flags.get('a')
  assert.ok(flag)
  assert.equal(evaluate(flag, {}, 0).reason, 'STATIC')
})

test('an environment that does not exist, or was deleted, is not found', async () => {
  answer = async () => undefined
  await assert.rejects(Promise.resolve(snapshots.current('p/none')), { code: 'not_found' })
  answer = async () => source(1n)
  await snapshots.current('p/e')
  answer = async () => undefined
  await snapshots.refresh('p/e')
  await assert.rejects(Promise.resolve(snapshots.current('p/e')), { code: 'not_found' })
})

test('a store that is unreachable at first is read again by the next request', async () => {
  answer = () => Promise.reject(new FlagError('unavailable', 'away'))
  await assert.rejects(Promise.resolve(snapshots.current('p/e')), { code: 'unavailable' })
  answer = async () => source(1n)
  assert.equal((await snapshots.current('p/e')).revision, 1n)
})

test('refresh() reads again during a pending read, which may have been sent before the change', async () => {
  await snapshots.current('p/e')
  const slow = Promise.withResolvers<LoadedEnvironment>()
  answer = () => slow.promise
  now = 2_000
  snapshots.current('p/e')
  answer = async () => source(3n, { isUpdate: true, flags: new Map() })
  const refreshed = snapshots.refresh('p/')
  slow.resolve(source(2n, { isUpdate: true, flags: new Map() }))
  await refreshed
  assert.equal((await snapshots.current('p/e')).revision, 3n)
})
