import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { selectChanges } from '../../../src/repository/postgres/changes.ts'
import { openStore, type Store } from '../../support/store.ts'

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

test('the changes of a segment are found by the index of segments, with that of its renaming', async () => {
  const { database } = store
  await database.write(async (tx) => {
    await tx.execute(sql`
      insert into flagstaff.changes (actor, subject, action, project, environment, flag)
      select 'ada', 'definition', 'update', 'shop', 'live', 'flag-' || n from generate_series(1, 20000) n`)
    await tx.execute(sql`
      insert into flagstaff.changes (actor, subject, action, project, environment, segment, before) values
        ('ada', 'segment', 'create', 'shop', 'live', 'staff', null),
        ('ada', 'segment', 'create', 'shop', 'live', 'other', null),
        ('ada', 'segment', 'rename', 'shop', 'live', 'crew', '{"name": "staff"}')`)
  })
  await database.write((tx) => tx.execute(sql`analyze flagstaff.changes`))
  await database.write(async (tx) => {
    const found = await selectChanges(tx, { project: 'shop', environment: 'live', segment: 'staff', limit: 100 })
    assert.deepEqual(
      found.map(({ segment }) => segment),
      ['crew', 'staff'],
    )
    const { rows } = await tx.execute<{ scans: number }>(
      sql`select pg_stat_get_xact_numscans('flagstaff.changes_by_segment'::regclass)::int as scans`,
    )
    assert.equal(rows[0]?.scans, 1)
  })
})
