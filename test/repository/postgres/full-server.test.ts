import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDatabaseUrl } from '../../../src/config/database.ts'
import { connect, FailoverPool } from '../../../src/repository/postgres/connection/failover-pool.ts'
import { HAS_DEBIAN_POSTGRES, makeCluster, startDebianPostgres } from '../../support/debian-postgres.ts'

test('a server without a free connection is named as that, not as one without TLS', {
  skip: HAS_DEBIAN_POSTGRES ? false : 'there is no Postgres of Debian on this machine',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-full-'))
  chmodSync(folder, 0o755) // Postgres runs as another user
  const server = await startDebianPostgres(makeCluster(join(folder, 'postgres')), {
    access: ['host all all 127.0.0.1/32 trust'],
    settings: { max_connections: '4', superuser_reserved_connections: '0', max_wal_senders: '0' },
  })
  const address = parseDatabaseUrl(`postgres://postgres@127.0.0.1:${server.port}/postgres`)
  const pool = new FailoverPool(address, 5)
  const clients: { end(): Promise<void> }[] = []
  try {
    const first = await pool.connect() // the way without TLS works
    await assert.rejects(async () => {
      for (let nth = 0; nth < 5; nth += 1) clients.push(await connect(address))
    })
    await assert.rejects(pool.connect(), (error) => error instanceof Error && 'code' in error && error.code === '53300')
    first.release(true)
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)))
    await pool.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
