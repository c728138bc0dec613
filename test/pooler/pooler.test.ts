import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { PGBOUNCER, type Pooler, startPooler } from '../support/pgbouncer.ts'
import { kill, type Running, runProgram, startService } from '../support/process.ts'
import { request } from '../support/replicas.ts'
import { openStore, type Store } from '../support/store.ts'

const CHANGES = 1_000
const AT_ONCE = 48
const ENVIRONMENT = '/api/v1/projects/pooled/environments/e'
const FLAG = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }

/** Prepared statements in transaction mode came with 1.21. */
const hasPrepared = PGBOUNCER !== undefined && (PGBOUNCER.major > 1 || PGBOUNCER.minor >= 21)
const CONFIGURATIONS: readonly (readonly [string, Record<string, string | number>])[] = [
  ['its default configuration', {}],
  ['few server connections', { default_pool_size: 2 }],
  ...(hasPrepared
    ? [0, 200].map((max) => [`max_prepared_statements=${max}`, { max_prepared_statements: max }] as const)
    : []),
]

for (const [name, settings] of CONFIGURATIONS)
  describe(`behind pgbouncer ${PGBOUNCER?.text} in transaction mode with ${name}`, {
    skip: PGBOUNCER ? false : 'there is no pgbouncer',
  }, () => {
    const adminKey = randomBytes(24).toString('base64url')
    let store: Store
    let pooler: Pooler
    let service: Running
    const call = (method: string, path: string, body?: object) =>
      request(service.address, adminKey, { method, path, ...(body && { body }) })

    before(async () => {
      store = await openStore()
      pooler = await startPooler(store.url, settings)
      service = await startService({ DATABASE_URL: pooler.url, FLAGSTAFF_ADMIN_KEY: adminKey })
      assert.equal((await call('POST', '/api/v1/projects', { key: 'pooled' })).status, 201)
      assert.equal((await call('POST', '/api/v1/projects/pooled/environments', { key: 'e' })).status, 201)
      assert.equal((await call('PUT', `${ENVIRONMENT}/flags/a`, FLAG)).status, 200)
    })
    after(async () => {
      await kill(service)
      await pooler.close()
      await store.close()
    })

    test(`each of ${CHANGES} concurrent changes that is acknowledged is stored with its record, and the revision fits`, async () => {
      const start = (await call('GET', ENVIRONMENT)).body.revision
      const [projects, patches] = [new Set<string>(), new Set<number>()]
      const change = async (n: number) => {
        if (n % 2 === 0) {
          const { status } = await call('POST', '/api/v1/projects', { key: `p-${n}` })
          if (status === 201) projects.add(`p-${n}`)
        } else {
          const { status } = await call('PATCH', `${ENVIRONMENT}/flags/a`, { metadata: { n } })
          if (status === 200) patches.add(n)
        }
      }
      let next = 0
      const worker = async () => {
        while (next < CHANGES) await change(next++)
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))

      assert.ok(projects.size + patches.size >= 0.9 * CHANGES, `${projects.size} + ${patches.size} acknowledged`)
      const stored = await all('/api/v1/projects', 'after')
      for (const key of projects)
        assert.ok(
          stored.some((project) => project.key === key),
          `${key} was acknowledged`,
        )
      const records = (await all('/api/v1/changes', 'before', '&environment=e&project=pooled')).filter(
        ({ subject, action }) => subject === 'definition' && action === 'update',
      )
      const recorded = new Set(records.map(({ after: definition }) => definition.metadata.n))
      for (const n of patches) assert.ok(recorded.has(n), `change ${n} was acknowledged`)
      assert.equal((await call('GET', ENVIRONMENT)).body.revision, start + records.length)
    })

    test('the schema is brought up to date through the pooler, by several at once', async () => {
      const other = await openStore()
      const pooled = await startPooler(other.url, settings)
      const runs = [1, 2, 3].map(() => runProgram('src/cli.ts', { DATABASE_URL: pooled.url }, { args: ['migrate'] }))
      for (const run of runs) assert.equal((await run.ended).code, 0, run.output())
      await pooled.close()
      await other.close()
    })

    /** Every item of a list that comes in pages. */
    async function all(path: string, cursor: 'after' | 'before', filter = ''): Promise<any[]> {
      const items: any[] = []
      let next = ''
      do {
        const { status, body } = await call('GET', `${path}?limit=200${filter}${next}`)
        assert.equal(status, 200, JSON.stringify(body))
        items.push(...body.items)
        next = body.next === null ? '' : `&${cursor}=${encodeURIComponent(body.next)}`
      } while (next !== '')
      return items
    }
  })
