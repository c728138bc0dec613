import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagError } from '../../src/flag/error.ts'
import { openService, type Service } from '../support/service.ts'

let isStopping = false
let isReadOnly = false
let databaseHealth: { isLoaded: boolean; trouble: unknown; since: number | undefined }
let service: Service
before(async () => {
  service = await openService({
    dependencies: {
      health: {
        isStopping: () => isStopping,
        warmUp: async () => undefined,
        databaseHealth: {
          get isLoaded() {
            return databaseHealth.isLoaded
          },
          get error() {
            return databaseHealth.trouble
          },
          get since() {
            return databaseHealth.since
          },
        },
        database: {
          get isReadOnly() {
            return isReadOnly
          },
        },
        now: () => 100_000,
      },
    },
  })
})
after(() => service.close())
const get = (path: string) => service.call('GET', path, { key: null })

test('probes follow the state of the process', async () => {
  databaseHealth = {
    isLoaded: false,
    trouble: new FlagError('unavailable', 'The database schema is behind'),
    since: undefined,
  }
  for (const path of ['/readyz', '/ready', '/startupz']) {
    const { status, body } = await get(path)
    assert.deepEqual([status, body.reason], [503, 'The database schema is behind'])
  }
  for (const path of ['/livez', '/health']) assert.equal((await get(path)).status, 200)
  databaseHealth = { isLoaded: true, trouble: undefined, since: 100 }
  assert.deepEqual((await get('/readyz')).body, { status: 'ready' })
  isReadOnly = true
  const readOnly = await get('/readyz')
  assert.deepEqual([readOnly.status, readOnly.body.status], [200, 'degraded'])
  assert.match(readOnly.body.reason, /read-only/)
  isReadOnly = false
  databaseHealth = { isLoaded: true, trouble: new Error('connect 10.0.0.1'), since: 39_000 }
  const degraded = await get('/readyz')
  assert.equal(degraded.status, 200, 'an outage of the store does not take replicas out of service')
  assert.deepEqual(degraded.body, { status: 'degraded', reason: 'The store is unavailable', ageSeconds: 61 })
  isStopping = true
  assert.deepEqual([(await get('/readyz')).body, (await get('/readyz')).status], [{ status: 'stopping' }, 503])
  assert.equal((await get('/livez')).status, 200)
  isStopping = false
})
