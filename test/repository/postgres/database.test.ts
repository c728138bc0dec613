import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { sql } from 'drizzle-orm'
import { parseDatabaseUrl } from '../../../src/config/database.ts'
import { connect } from '../../../src/repository/postgres/connection/failover-pool.ts'
import { openDatabase } from '../../../src/repository/postgres/database.ts'
import journal from '../../../src/repository/postgres/migrations/meta/_journal.json' with { type: 'json' }
import { listProjects } from '../../../src/repository/postgres/projects.ts'
import { migrate } from '../../../src/repository/postgres/schema.ts'
import { execute, testDatabase } from '../../support/postgres.ts'
import { freshEnvironment, openStore, type Store } from '../../support/store.ts'

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())
const projects = () => listProjects(store.database, { after: '', limit: 10 })

test('an outdated schema is refused with the command that updates it, until the command has run', async () => {
  const { url, drop } = await testDatabase()
  const database = openDatabase(parseDatabaseUrl(url))
  await assert.rejects(listProjects(database, { after: '', limit: 1 }), {
    code: 'unavailable',
    message: /"admin migrate"/,
  })
  const client = await connect(parseDatabaseUrl(url))
  await migrate(client)
  await client.end()
  assert.deepEqual(await listProjects(database, { after: '', limit: 1 }), [])
  await database.close()
  await drop()
})

test('concurrent migrations wait for each other', async () => {
  const { url, drop } = await testDatabase()
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect(parseDatabaseUrl(url))))
  await Promise.all(clients.map((client) => migrate(client)))
  await Promise.all(clients.map((client) => client.end()))
  const database = openDatabase(parseDatabaseUrl(url))
  const { rows } = await database.read((db) =>
    db.execute<{ n: number }>(sql`select count(*)::int as n from flagstaff.migrations`),
  )
  assert.equal(rows[0]?.n, journal.entries.length)
  await database.close()
  await drop()
})

test('reads continue after the server has ended every connection', async () => {
  await projects()
  const name = new URL(store.url).pathname.slice(1)
  await execute(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
  assert.deepEqual(await projects(), [])
})

test('a statement that takes too long is ended and means "unavailable"', async () => {
  const slow = store.database.read((db) => db.execute(sql`select pg_sleep(5)`))
  await assert.rejects(slow, { code: 'unavailable' })
})

test('an unreachable server means "unavailable", with a text that contains no address', async () => {
  const database = openDatabase(parseDatabaseUrl('postgres://ada:secret@127.0.0.1:1/none'))
  await assert.rejects(listProjects(database, { after: '', limit: 1 }), (error: Error) => {
    assert.equal('code' in error && error.code, 'unavailable')
    assert.ok(!/127|ada|secret/.test(error.message))
    return true
  })
  await database.close()
})

test('a failed transaction leaves nothing behind', async () => {
  await freshEnvironment(store.database)
  const count = (await projects()).length
  await assert.rejects(
    store.database.write(async (tx) => {
      await tx.execute(sql`insert into flagstaff.projects (key, name) values ('half', 'half')`)
      throw new Error('stop')
    }),
    /stop/,
  )
  assert.equal((await projects()).length, count)
})

test('change records cannot be rewritten, even by hand', async () => {
  await freshEnvironment(store.database)
  for (const statement of [
    sql`update flagstaff.changes set actor = 'x'`,
    sql`delete from flagstaff.changes`,
    sql`truncate flagstaff.changes`,
  ])
    await assert.rejects(
      store.database.write((tx) => tx.execute(statement)),
      (error: Error) => /append-only/.test(String(error.cause)),
    )
})

test('a server that requires GSSAPI, or is not Postgres, means "unavailable" and does not end the process', async () => {
  for (const answer of [Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 7]), Buffer.from('HTTP/1.1 400 Bad Request')]) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(answer))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const database = openDatabase(parseDatabaseUrl(`postgres://ada:secret@127.0.0.1:${port}/flags?sslmode=disable`))
    await assert.rejects(listProjects(database, { after: '', limit: 1 }), { code: 'unavailable' })
    await database.close()
    server.close()
  }
})
