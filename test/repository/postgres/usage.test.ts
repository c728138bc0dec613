import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { changeDefinition } from '../../../src/repository/postgres/definitions.ts'
import { deleteEnvironment, readEnvironment } from '../../../src/repository/postgres/environments.ts'
import { listFlags } from '../../../src/repository/postgres/flags.ts'
import { createKey, listKeys } from '../../../src/repository/postgres/keys.ts'
import { readUsage, type UsageCount, writeUsage } from '../../../src/repository/postgres/usage.ts'
import { AUTHOR, freshEnvironment, openStore, type Store } from '../../support/store.ts'

let store: Store
let name: { project: string; environment: string }
let environmentId: bigint
before(async () => {
  store = await openStore()
})
after(() => store.close())
beforeEach(async () => {
  name = await freshEnvironment(store.database)
  environmentId = (await readEnvironment(store.database, name)).id
  const next = () => ({ state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' }) as const
  for (const flag of ['a', 'b'])
    await changeDefinition(store.database, { ...name, flag }, { next, expected: undefined, author: AUTHOR })
})

const HOUR = Math.floor(Date.now() / 3_600_000)
const count = (more: Partial<UsageCount> = {}): UsageCount => ({
  environmentId,
  flag: 'a',
  hour: HOUR,
  variant: 'on',
  reason: 'STATIC',
  count: 1,
  lastAt: HOUR * 3_600 + 7,
  ...more,
})
const write = (counts: readonly UsageCount[], replica = randomUUID(), sequence = 1) =>
  writeUsage(store.database, { replica, sequence, counts })
const read = (flag = 'a', hours = 24) =>
  readUsage(store.database, { ...name, flag }, { from: hourAt(HOUR - hours), to: hourAt(HOUR + 1) })
const hourAt = (hour: number) => new Date(hour * 3_600_000)
const execute = (statement: ReturnType<typeof sql>) =>
  store.database.write((db) => db.execute<{ n: number }>(statement))

test('writeUsage() adds to stored counts, and readUsage() reads them by hour, variant and reason', async () => {
  await write([
    count({ count: 3 }),
    count({ variant: '', reason: 'GENERAL', count: 2 }),
    count({ flag: 'b', count: 9 }),
  ])
  await write([count({ count: 4 }), count({ hour: HOUR - 1, count: 5 }), count({ hour: HOUR - 25, count: 6 })])
  assert.deepEqual(await read(), {
    counts: [
      { hour: hourAt(HOUR - 1), variant: 'on', reason: 'STATIC', count: 5n },
      { hour: hourAt(HOUR), variant: '', reason: 'GENERAL', count: 2n },
      { hour: hourAt(HOUR), variant: 'on', reason: 'STATIC', count: 7n },
    ],
    unattributed: 0,
    lastEvaluatedAt: new Date((HOUR * 3_600 + 7) * 1_000),
    syncedInProcessAt: null,
  })
})

for (const order of [
  ['earlier', 'later'],
  ['later', 'earlier'],
] as const)
  test(`the last use of a key and of in-process sync is the later one when replicas store the ${order[0]} one first`, async () => {
    const key = await createKey(
      store.database,
      { name: 'k', role: 'client', environment: name, expiresAt: null },
      AUTHOR,
    )
    const shown = async () => {
      const keys = await listKeys(store.database, null, { offset: 0, limit: 100 })
      const { syncedInProcessAt } = await read()
      return [keys.find(({ id }) => id === key.id)?.lastUsedAt, syncedInProcessAt]
    }
    assert.deepEqual([key.lastUsedAt, ...(await shown())], [null, null, null])
    const times = { earlier: HOUR * 3_600 + 10, later: HOUR * 3_600 + 20 }
    for (const which of order) {
      const at = times[which]
      const keyUses = [
        { keyId: key.id, at },
        { keyId: randomUUID(), at },
      ]
      const syncs = [
        { environmentId, agent: 'flagd/1.0', at },
        { environmentId: 999_999_999n, agent: '', at },
      ]
      await writeUsage(store.database, { replica: randomUUID(), sequence: 1, counts: [], keyUses, syncs })
    }
    const later = new Date(times.later * 1_000)
    assert.deepEqual(await shown(), [later, later])
  })

test('a batch that is sent again is detected, sequentially or concurrently', async () => {
  const replica = randomUUID()
  const [one, two] = [[count({ count: 3 })], [count({ count: 4 })]]
  await write(one, replica, 1)
  await write(one, replica, 1)
  await Promise.all([write(two, replica, 2), write(two, replica, 2), write(two, replica, 2)])
  await write(one, replica, 1)
  assert.deepEqual(
    (await read()).counts.map((row) => row.count),
    [7n],
  )
})

test('replicas that store the same counters concurrently lose none', async () => {
  const counts = ['a', 'b'].flatMap((flag) => [count({ flag, hour: HOUR - 1 }), count({ flag })])
  await Promise.all(Array.from({ length: 20 }, () => write(counts)))
  for (const flag of ['a', 'b'])
    assert.deepEqual(
      (await read(flag)).counts.map((row) => row.count),
      [20n, 20n],
    )
})

test('storing counts neither waits for a change nor delays one', async () => {
  await store.database.write(async (tx) => {
    await tx.execute(sql`select 1 from flagstaff.environments for update`)
    await tx.execute(sql`select 1 from flagstaff.flags for update`)
    await write([count()]) // would exceed the statement's time limit
  })
  assert.equal((await read()).counts.length, 1)
})

test('unattributed counts are returned with every flag of their environment', async () => {
  await write([count(), count({ flag: undefined, variant: '', reason: '', count: 11 })])
  for (const flag of ['a', 'b']) assert.equal((await read(flag)).unattributed, 11)
  assert.equal((await read('a')).counts.length, 1)
})

test('counts of a deleted flag or environment are dropped, and the others are stored', async () => {
  await write([count({ flag: 'gone' }), count({ environmentId: 999_999n }), count({ count: 5 })])
  assert.deepEqual(
    (await read()).counts.map((row) => row.count),
    [5n],
  )
  await deleteEnvironment(store.database, name, { expected: undefined, author: AUTHOR })
  await write([count()])
  const { rows } = await execute(
    sql`select count(*)::int as n from flagstaff.last_evaluations where environment_id = ${String(environmentId)}::bigint`,
  )
  assert.equal(rows[0]?.n, 0)
})

test('the last evaluation never goes back, and the list of flags has the newest of all environments', async () => {
  await write([count({ lastAt: HOUR * 3_600 + 9 })])
  await write([count({ hour: HOUR - 1, lastAt: HOUR * 3_600 - 5 })])
  const flags = await listFlags(store.database, name.project, { after: '', limit: 10 })
  assert.deepEqual(
    flags.map(({ key, lastEvaluatedAt }) => [key, lastEvaluatedAt]),
    [
      ['a', new Date((HOUR * 3_600 + 9) * 1_000)],
      ['b', null],
    ],
  )
})

test('batches delete hours older than 90 days; the last evaluation stays', async () => {
  await write([count({ flag: 'b', hour: HOUR - 91 * 24, lastAt: (HOUR - 91 * 24) * 3_600 })])
  await write([count({ hour: HOUR - 89 * 24, lastAt: HOUR * 3_600 })])
  await execute(sql`update flagstaff.usage_flushes set at = now() - interval '8 days'`)
  await write([count()])
  assert.equal((await read('a', 90 * 24)).counts.length, 2)
  const old = await read('b', 100 * 24)
  assert.deepEqual([old.counts.length, old.lastEvaluatedAt?.getTime()], [0, (HOUR - 91 * 24) * 3_600_000])
  const { rows } = await execute(sql`select count(*)::int as n from flagstaff.usage_flushes`)
  assert.equal(rows[0]?.n, 1)
})

test('readUsage() refuses more counts than one response can contain', async () => {
  for (const part of [0, 1, 2, 3, 4, 5])
    await write(Array.from({ length: 2_000 }, (_, n) => count({ variant: `v${part}-${n}` })))
  await assert.rejects(read(), { code: 'invalid', message: /shorter time/ })
})
