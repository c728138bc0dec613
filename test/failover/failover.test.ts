// A real primary and its standby, and a service process while they change their roles.

import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseDatabaseUrl } from '../../src/config/database.ts'
import { connect } from '../../src/repository/postgres/connection/failover-pool.ts'
import { migrate } from '../../src/repository/postgres/schema.ts'
import {
  type DebianPostgres,
  HAS_DEBIAN_POSTGRES,
  makeCluster,
  makeStandby,
  psql,
  startDebianPostgres,
} from '../support/debian-postgres.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { Writers } from './writers.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
/** From the moment when the server is writable until changes are accepted. */
const HEALED_MS = 5_000
const SETTINGS = { max_wal_senders: '5', synchronous_standby_names: '' }
const ACCESS = ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']
/** Allows psql to change settings that make its own session read-only. */
const WRITABLE = { PGOPTIONS: '-c default_transaction_read_only=off' }

describe('a database that changes its role', {
  skip: HAS_DEBIAN_POSTGRES ? false : "there is no Debian's Postgres on this machine",
}, () => {
  let folder: string
  let cluster: string
  const servers: DebianPostgres[] = []
  const services: Running[] = []
  const working: Writers[] = []
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'flagstaff-failover-'))
    chmodSync(folder, 0o755) // Postgres runs as another user
    cluster = makeCluster(join(folder, 'primary'))
  })
  after(async () => {
    await Promise.all(working.map((writers) => writers.end()))
    await Promise.all(services.map(kill))
    await Promise.all(servers.map(({ stop }) => stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  const urlOf = ({ port }: DebianPostgres) => `postgres://postgres@127.0.0.1:${port}/postgres`
  const startServer = async (from: string) => {
    const server = await startDebianPostgres(from, { settings: SETTINGS, access: ACCESS })
    servers.push(server)
    return server
  }
  const startPrimary = async () => {
    const server = await startServer(cluster)
    const client = await connect(parseDatabaseUrl(urlOf(server)))
    await migrate(client)
    await client.end()
    return server
  }
  const serve = async (url: string) => {
    const service = await startService({ DATABASE_URL: url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, TRUTH_CHECK_MS: '500' })
    services.push(service)
    return service
  }
  const write = (service: Running, name?: string) => {
    const writers = new Writers(service.address, ADMIN_KEY, name)
    working.push(writers)
    return writers
  }
  const ready = async ({ address }: Running) =>
    (await (await fetch(`${address}/readyz`)).json()) as { status: string; reason?: string }
  const send = ({ address }: Running, method: string, path: string, body: object) =>
    request(address, ADMIN_KEY, { method, path: `/api/v1${path}`, body })
  const furnish = async (service: Running) => {
    assert.equal((await send(service, 'POST', '/projects', { key: 'p' })).status, 201)
    assert.equal((await send(service, 'POST', '/projects/p/environments', { key: 'e' })).status, 201)
  }
  /** Reads like an application: a replica then detects that the database is writable again. */
  const evaluates = (service: Running) =>
    fetch(`${service.address}/ofrep/v1/evaluate/flags`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        'flagd-selector': 'flagSetId=p/e',
        'content-type': 'application/json',
      },
      body: '{}',
    })
  const becomes = async (status: string, service: Running) => {
    const deadline = performance.now() + HEALED_MS
    for (;;) {
      await (await evaluates(service)).text()
      const now = await ready(service)
      if (now.status === status) return now
      assert.ok(performance.now() < deadline, `/readyz returns ${JSON.stringify(now)} and not ${status}`)
      await sleep(50)
    }
  }

  test('after a promotion changes are accepted within 5 s, also by replicas that were connected to the standby; none is lost', async () => {
    const primary = await startPrimary()
    const standby = await startServer(makeStandby(join(folder, 'standby'), primary))
    // Acknowledged means: stored on the standby.
    await psql(urlOf(primary), `alter system set synchronous_standby_names = '*'`)
    await psql(urlOf(primary), 'select pg_reload_conf()')
    const both = `postgres://postgres@127.0.0.1:${primary.port},127.0.0.1:${standby.port}/postgres?target_session_attrs=read-write`
    const service = await serve(both)
    await furnish(service)
    const onStandby = await serve(urlOf(standby))
    const writers = write(service)
    await sleep(1_000)
    assert.ok(writers.acknowledged > 0, 'changes are accepted before the failover')
    const refused = await send(onStandby, 'PUT', '/projects/p/environments/e/flags/other', writers.definition(0))
    assert.equal(refused.status, 503, 'a standby takes no changes')
    assert.match((await becomes('degraded', onStandby)).reason ?? '', /read-only/)

    await primary.stop()
    await sleep(500)
    await psql(urlOf(standby), 'select pg_promote(true, 30)')
    const writable = performance.now()
    const others = write(onStandby, 'other')
    await Promise.all([writers.allAccepted(writable + HEALED_MS), others.allAccepted(writable + HEALED_MS)])
    await becomes('ready', service)
    await becomes('ready', onStandby)
    await sleep(1_000)
    await Promise.all([writers.stop(), others.stop()])
    for (const one of [writers, others]) {
      assert.deepEqual(one.after(writable + HEALED_MS).refused, 0, 'and then all are')
      await one.check(service.address)
    }
  })

  for (const [what, off, on] of [
    [
      'the whole server',
      ['alter system set default_transaction_read_only = on', 'select pg_reload_conf()'],
      ['alter system reset default_transaction_read_only', 'select pg_reload_conf()'],
    ],
    // Applies to new sessions only: those that were opened meanwhile stay read-only.
    [
      'new sessions of the database',
      [
        'alter database postgres set default_transaction_read_only = on',
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'flagstaff'`,
      ],
      ['alter database postgres reset default_transaction_read_only'],
    ],
  ] as const)
    test(`while ${what} is read-only changes are 503 and /readyz reports it; within 5 s afterwards all are accepted`, async () => {
      const server = await startPrimary()
      const service = await serve(urlOf(server))
      await furnish(service)
      const writers = write(service)
      await sleep(700)
      const run = async (statements: readonly string[]) => {
        for (const statement of statements) await psql(urlOf(server), statement, WRITABLE)
      }
      await run(off)
      const closed = performance.now()
      assert.match((await becomes('degraded', service)).reason ?? '', /read-only/)
      await sleep(2_000)
      assert.equal((await evaluates(service)).status, 200, 'evaluation goes on')
      const during = writers.after(closed + 1_000)
      assert.ok(during.refused > 0 && during.accepted === 0, JSON.stringify(during))
      await run(on)
      const writable = performance.now()
      await writers.allAccepted(writable + HEALED_MS)
      await becomes('ready', service)
      await sleep(1_000)
      await writers.stop()
      assert.equal(writers.after(writable + HEALED_MS).refused, 0)
      await writers.check(service.address)
    })
})
