import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { accountFor, createCluster, postgresPrograms } from '../../src/trial/postgres.ts'

/** Only root may enter it, as with every folder of mkdtemp. */
const folder = mkdtempSync(join(tmpdir(), 'flagstaff-account-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('accountFor() as root runs programs of a checkout that only root may enter', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  const { postgres } = await postgresPrograms()
  const home = join(folder, 'checkout')
  cpSync(dirname(dirname(postgres)), home, { recursive: true, verbatimSymlinks: true })
  const programs = { initdb: join(home, 'bin/initdb'), postgres: join(home, 'bin/postgres') }
  const data = join(folder, 'data')
  await createCluster(data, programs, await accountFor(data, programs.postgres))
  assert.ok(existsSync(join(data, 'PG_VERSION')))
})
