// docs/operations/backup.md, step by step: pg_dump of a database in use, and its restore while replicas serve.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { countsAt } from '../chaos/agreement.ts'
import { FLAGS, furnish, sendUntilAccepted } from '../chaos/world.ts'
import {
  type DebianPostgres,
  HAS_DEBIAN_POSTGRES,
  makeCluster,
  psql,
  runClient,
  startDebianPostgres,
} from '../support/debian-postgres.ts'
import { kill, type Running, runProgram, startService } from '../support/process.ts'
import { HAS_REDIS, type RedisServer, startRedis } from '../support/redis.ts'
import { evaluate } from '../support/replicas.ts'

const SOON_MS = 30_000
const reason = HAS_DEBIAN_POSTGRES && HAS_REDIS ? false : 'there is no Postgres of Debian, or no redis-server'
const adminKey = randomBytes(24).toString('base64url')

describe('backup and restore of a database in use', { skip: reason }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-restore-'))
  chmodSync(folder, 0o755) // Postgres runs as another user
  const dump = join(folder, 'flagstaff.dump')
  const replicas: Running[] = []
  let postgres: DebianPostgres
  let redis: RedisServer
  let clientKey = ''
  let written = 0
  let countBefore = 0
  /** Secrets: one of a key that is created after the backup, one of a key that is revoked after it. */
  const keys = { created: '', revoked: '' }
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${postgres.port}/${database}`
  const environment = () => ({
    DATABASE_URL: urlOf('flagstaff'),
    REDIS_URL: redis.url,
    FLAGSTAFF_ADMIN_KEY: adminKey,
    FRESHNESS_MS: '200',
    TRUTH_CHECK_MS: '1000',
  })
  const admin = async (command: string, database: string) => {
    const program = runProgram('src/cli.ts', { DATABASE_URL: urlOf(database) }, { args: [command] })
    assert.equal((await program.ended).code, 0, program.output())
  }
  const send = (index: number, method: string, path: string, body?: object) =>
    sendUntilAccepted(replicas[index]?.address ?? '', adminKey, { method, path, ...(body && { body }) })
  const write = async (index: number) => {
    const body = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', metadata: { count: written + 1 } }
    const { status } = await send(index, 'PUT', `${FLAGS}/a`, body)
    assert.equal(status, 200)
    written += 1
  }
  const countAt = async ({ address }: Running) => (await countsAt(address, clientKey)).get('a')
  const until = async <T>(wanted: T, read: () => Promise<T>) => {
    const late = performance.now() + SOON_MS
    while ((await read()) !== wanted && performance.now() < late) await sleep(50)
    assert.equal(await read(), wanted)
  }
  const newKey = async (name: string) => {
    const body = { name, role: 'client', environment: { project: 'p', environment: 'e' } }
    return (await send(0, 'POST', '/api/v1/keys', body)).body as { id: string; secret: string }
  }

  before(async () => {
    postgres = await startDebianPostgres(makeCluster(join(folder, 'postgres')), {
      access: ['host all all 127.0.0.1/32 trust'],
    })
    redis = await startRedis()
    await psql(urlOf('postgres'), 'create database flagstaff')
    await admin('migrate', 'flagstaff')
    for (let index = 0; index < 2; index += 1) replicas.push(await startService(environment()))
    clientKey = await furnish(replicas[0]?.address ?? '', adminKey)
    await write(0)
    for (const replica of replicas) await until(1, () => countAt(replica).catch(() => undefined))
  })
  after(async () => {
    await Promise.all(replicas.map(kill))
    await redis.kill()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('a backup is taken while flags change, and delays no change', async () => {
    const revoked = await newKey('revoked')
    keys.revoked = revoked.secret
    countBefore = written
    const done = runClient('pg_dump', ['--format=custom', `--file=${dump}`, urlOf('flagstaff')])
    const isDone = done.then(() => true)
    do await write(written % 2)
    while (!(await Promise.race([isDone, sleep(10).then(() => false)])))
    await done
    for (let turn = 0; turn < 5; turn += 1) await write(turn % 2)
    assert.equal((await send(0, 'DELETE', `/api/v1/keys/${revoked.id}`)).status, 204)
    keys.created = (await newKey('created')).secret
    for (const { address } of replicas) {
      await until(true, () => evaluate(address, keys.created))
      await until(401, () => evaluate(address, keys.revoked))
    }
  })

  test('after the restore every replica serves the older state, although Redis has newer copies', async () => {
    await psql(urlOf('postgres'), 'create database restored')
    await runClient('pg_restore', ['--exit-on-error', '--no-owner', `--dbname=${urlOf('restored')}`, dump])
    await admin('migrate', 'restored')
    await admin('new-incarnation', 'restored')
    const stored = Number(
      await psql(urlOf('restored'), "select definition->'metadata'->>'count' from flagstaff.definitions"),
    )
    assert.ok(stored >= countBefore && stored < written, `${countBefore} ≤ ${stored} < ${written}`)
    let isSwapped = false
    const served = replicas.map(async (replica) => {
      while (!isSwapped) assert.notEqual(await countAt(replica), undefined)
    })
    await psql(urlOf('postgres'), 'alter database flagstaff allow_connections false')
    await psql(
      urlOf('postgres'),
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'flagstaff' and pid <> pg_backend_pid()",
    )
    await until('0', () => psql(urlOf('postgres'), "select count(*) from pg_stat_activity where datname = 'flagstaff'"))
    await psql(urlOf('postgres'), 'alter database flagstaff rename to replaced')
    await psql(urlOf('postgres'), 'alter database restored rename to flagstaff')
    for (const replica of replicas) await until(stored, () => countAt(replica))
    isSwapped = true
    await Promise.all(served)
    for (const { address } of replicas) {
      await until(401, () => evaluate(address, keys.created))
      await until(true, () => evaluate(address, keys.revoked))
    }
    written = stored
  })

  test('a replica that starts afterwards serves the restored state too', async () => {
    const late = await startService(environment())
    replicas.push(late)
    await until(written, () => countAt(late))
  })

  test('changes continue from the restored state, and reach every replica', async () => {
    await until(200, async () => (await send(1, 'PATCH', `${FLAGS}/a`, { metadata: { count: written + 1 } })).status)
    written += 1
    for (const replica of replicas) await until(written, () => countAt(replica))
    const { body } = await send(0, 'GET', `${FLAGS}/a/history?limit=1`)
    assert.equal(body.items[0]?.after.metadata.count, written)
  })
})
