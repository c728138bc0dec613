import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kill, type Running, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const PROJECT = '/api/v1/projects/durable'
const ENVIRONMENT = `${PROJECT}/environments/test`
const FLAGS = ['a', 'b', 'c', 'd']
/** Number of acknowledged changes after which the process is killed, in the middle of the next ones. */
const KILL_AFTER = [6, 60, 25]

const WAIT_MS = 10_000

type Change = { subject: string; action: string; flag: string | null; revision: number; before: Flag; after: Flag }
type Flag = { variants: { value: number } } | null
/** The last acknowledged value of each flag. */
type Acknowledged = Map<string, number>

const call = (service: Running, method: string, path: string, body?: object) =>
  request(service.address, ADMIN_KEY, { method, path, ...(body && { body }) })
const flagOf = (value: number) => ({ state: 'ENABLED', variants: { value }, defaultVariant: 'value' })

/** Writes the numbers from 1 on to one flag, each after the last is acknowledged, until the service or its database is killed. */
async function write(service: Running, flag: string, acknowledged: Acknowledged): Promise<void> {
  for (;;) {
    const value = (acknowledged.get(flag) ?? 0) + 1
    try {
      const { status } = await call(service, 'PUT', `${ENVIRONMENT}/flags/${flag}`, flagOf(value))
      if (status === 503) return // the database is gone: whether this write was stored is unknown
      assert.equal(status, 200)
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      return
    }
    acknowledged.set(flag, value)
  }
}

/** Writes from several clients, kills the service in the middle, and resolves when all writers have ended. */
async function writeUntilKilled(service: Running, acknowledged: Acknowledged, changes: number): Promise<void> {
  const target = sumOf(acknowledged) + changes
  const writers = FLAGS.map((flag) => write(service, flag, acknowledged))
  await Promise.race([reaches(acknowledged, target), Promise.all(writers)])
  await kill(service)
  await Promise.all(writers)
}

/** Waits for this many acknowledged changes, with a limit. */
async function reaches(acknowledged: Acknowledged, target: number): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (sumOf(acknowledged) < target && performance.now() < deadline) await sleep(1)
}

const sumOf = (acknowledged: Acknowledged): number => [...acknowledged.values()].reduce((sum, value) => sum + value, 0)

async function readChanges(service: Running): Promise<Change[]> {
  const changes: Change[] = []
  for (let next: string | null = ''; next !== null; ) {
    const cursor: string = next && `&before=${next}`
    const path = `/api/v1/changes?project=durable&environment=test&limit=1000${cursor}`
    const { status, body } = await call(service, 'GET', path)
    assert.equal(status, 200)
    changes.push(...body.items)
    next = body.next
  }
  return changes.reverse()
}

/** Every acknowledged change is stored with its record, and nothing is stored partially. Continues from the stored state. */
async function checkWhole(service: Running, acknowledged: Acknowledged): Promise<void> {
  const changes = await readChanges(service)
  const written = changes.filter(({ subject }) => subject === 'definition')
  const revision = changes.at(-1)?.revision ?? 0
  // The creation of the environment is revision 1, each write after it adds one, and there are no gaps.
  assert.deepEqual(
    [...new Set(changes.map((change) => change.revision))],
    Array.from({ length: revision }, (_, n) => n + 1),
  )
  assert.equal(written.length, revision - 1)
  assert.equal((await call(service, 'GET', ENVIRONMENT)).body.revision, revision)
  for (const flag of FLAGS) {
    const own = written.filter((change) => change.flag === flag)
    const values = own.map(({ after }) => after?.variants.value)
    assert.deepEqual(
      values,
      values.map((_, n) => n + 1),
    )
    assert.deepEqual(
      own.map(({ before }) => before?.variants.value),
      [undefined, ...values.slice(0, -1)].slice(0, values.length),
    )
    const last = acknowledged.get(flag) ?? 0
    // One write more than was acknowledged: its response was lost.
    assert.ok(values.length === last || values.length === last + 1, `${flag}: ${values.length} for ${last}`)
    const { status, body } = await call(service, 'GET', `${ENVIRONMENT}/flags/${flag}`)
    if (values.length === 0) assert.equal(status, 404)
    else assert.deepEqual(body, flagOf(values.length))
    acknowledged.set(flag, values.length)
  }
}

async function makeEnvironment(service: Running): Promise<void> {
  assert.equal((await call(service, 'POST', '/api/v1/projects', { key: 'durable' })).status, 201)
  assert.equal((await call(service, 'POST', `${PROJECT}/environments`, { key: 'test' })).status, 201)
}

test('a kill -9 of the service loses no acknowledged change', async () => {
  const store = await openStore()
  const start = () => startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  const acknowledged: Acknowledged = new Map()
  let service = await start()
  try {
    await makeEnvironment(service)
    for (const changes of KILL_AFTER) {
      await writeUntilKilled(service, acknowledged, changes)
      service = await start()
      await checkWhole(service, acknowledged)
    }
    assert.ok(sumOf(acknowledged) >= KILL_AFTER.reduce((sum, changes) => sum + changes, 0))
  } finally {
    await kill(service)
    await store.close()
  }
})

test('a kill -9 in trial mode loses no acknowledged change, even when its Postgres is killed too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-killed-'))
  const start = () => startService({ FLAGSTAFF_TRIAL_DIR: folder, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  const acknowledged: Acknowledged = new Map()
  let service = await start()
  try {
    await makeEnvironment(service)
    for (const [round, changes] of KILL_AFTER.entries()) {
      const postgres = Number.parseInt(readFileSync(join(folder, 'data/postmaster.pid'), 'utf8'), 10)
      const half = sumOf(acknowledged) + changes / 2
      const killed = writeUntilKilled(service, acknowledged, changes)
      if (round === 1) {
        await reaches(acknowledged, half)
        process.kill(postgres, 'SIGKILL')
      }
      await killed
      service = await start()
      await checkWhole(service, acknowledged)
    }
    service.child.kill('SIGTERM')
    assert.deepEqual(await service.ended, { code: 0, signal: null }, service.output())
  } finally {
    await kill(service)
    rmSync(folder, { recursive: true, force: true })
  }
})
