import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import type { Database } from '../../../../src/repository/postgres/database.ts'
import { type MatrixRows, readMatrix } from '../../../../src/repository/postgres/overview/matrix.ts'
import { openStore, type Store } from '../../../support/store.ts'

const FLAGS = 2_000
const HOURS = 24

let store: Store
before(async () => {
  store = await openStore()
  const write = (statement: ReturnType<typeof sql>) => store.database.write((tx) => tx.execute(statement))
  await write(sql`insert into flagstaff.projects (key, name) values ('shop', 'Shop')`)
  await write(sql`
    insert into flagstaff.environments (project_id, key, name, revision)
    select id, 'live', 'Live', 1 from flagstaff.projects`)
  await write(sql`
    insert into flagstaff.flags (project_id, key, type)
    select id, 'flag-' || n, 'boolean' from flagstaff.projects, generate_series(1, ${FLAGS}::int) n`)
  const cells = sql`flagstaff.environments e cross join flagstaff.flags f`
  await write(sql`
    insert into flagstaff.definitions (environment_id, flag_id, definition, revision)
    select e.id, f.id, '{"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}'::json, 1 from ${cells}`)
  await write(sql`insert into flagstaff.last_evaluations select f.id, e.id, now() from ${cells}`)
  await write(sql`insert into flagstaff.last_variants select e.id, f.id, 'on', now() from ${cells}`)
  await write(sql`
    insert into flagstaff.usage (environment_id, flag_id, hour, variant, reason, count)
    select e.id, f.id, date_trunc('hour', now(), 'UTC') - make_interval(hours => h), 'on', 'STATIC', 1
    from ${cells}, generate_series(0, ${HOURS - 1}::int) h`)
  await write(sql`analyze`)
})
after(() => store.close())

/** The matrix, with the rows of the hourly usage that the statements read. The other two tables are small: Postgres may read them whole. */
async function measuredMatrix(limit: number): Promise<MatrixRows & { readonly rowsRead: number }> {
  let rowsRead = Number.NaN
  const measured: Database = {
    ...store.database,
    read: (query) =>
      store.database.write(async (tx) => {
        const result = await query(tx)
        const { rows } = await tx.execute<{ read: number }>(sql`
          select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::float8 as read from pg_stat_xact_user_tables
          where relname = 'usage'`)
        rowsRead = rows[0]?.read ?? Number.NaN
        return result
      }),
  }
  const filter = { environments: undefined, after: '', limit, now: new Date() }
  return { ...(await readMatrix(measured, 'shop', filter)), rowsRead }
}

test('a part of few flags reads the usage of these flags only', async () => {
  const { cells, rowsRead } = await measuredMatrix(50)
  assert.deepEqual(
    [cells.length, cells.filter(({ hours, recent, lastAt }) => hours && recent.length > 0 && lastAt).length],
    [50, 50],
  )
  assert.ok(rowsRead > 0 && rowsRead <= 50 * HOURS, `${rowsRead} rows`)
})

test('all flags have the usage that they have in a part', async () => {
  const { cells } = await measuredMatrix(5_000)
  const byFlag = new Map(cells.map((cell) => [cell.flagId, cell]))
  assert.equal(byFlag.size, FLAGS)
  for (const { flagId, hours, recent } of (await measuredMatrix(50)).cells)
    assert.deepEqual([byFlag.get(flagId)?.hours?.length, byFlag.get(flagId)?.recent], [hours?.length, recent])
})
