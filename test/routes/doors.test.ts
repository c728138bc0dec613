import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagError } from '../../src/flag/error.ts'
import { openService, type Service } from '../support/service.ts'

let isStopping = false
let isReadOnly = false
let databaseHealth: { isLoaded: boolean; trouble: unknown; since: number | undefined }
let trial: Service
const logged: unknown[] = []
before(async () => {
  trial = await openService({
    dependencies: {
      trialFlagSetId: 'default/development',
      authenticate: () => ({ name: 'trial', role: 'admin', environment: null }),
      health: {
        isStopping: () => isStopping,
        warmUp: async () => undefined,
        databaseHealth: {
          get isLoaded() {
            return databaseHealth.isLoaded
          },
          get trouble() {
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
      log: (message, fields) => logged.push(message, fields),
    },
  })
})
after(() => trial.close())
const get = (path: string, headers: Record<string, string> = {}) =>
  trial.call('GET', path, { key: null, headers: { host: '127.0.0.1:8080', ...headers } })

test('probes follow the life of the process', async () => {
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
  assert.deepEqual(degraded.body, { status: 'degraded', reason: 'The store did not answer', ageSeconds: 61 })
  isStopping = true
  assert.deepEqual([(await get('/readyz')).body, (await get('/readyz')).status], [{ status: 'stopping' }, 503])
  assert.equal((await get('/livez')).status, 200)
  isStopping = false
})

test('trial mode answers loopback names only', async () => {
  for (const host of ['localhost', 'localhost:8080', '127.0.0.1:1', '[::1]:8080', 'flags.localhost:80'])
    assert.equal((await get('/livez', { host })).status, 200, host)
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '',
    'localhost@evil.example',
  ])
    assert.equal((await get('/livez', { host })).status, 403, host)
})

test('trial mode answers HTTP/2 by :authority, and clients that send no name at all', async () => {
  const over = async (url: string, headers: Record<string, string> = {}) =>
    (await trial.fetch(new Request(url, { headers }))).status
  assert.equal(await over('http://127.0.0.1:8080/livez'), 200)
  assert.equal(await over('http://[::1]:8080/livez'), 200)
  assert.equal(await over('http://evil.example/livez'), 403)
  assert.equal(await over('http://127.0.0.1/livez', { host: 'evil.example' }), 403)
})

test('trial mode refuses what a page of another site sends', async () => {
  const put = (headers: Record<string, string>) =>
    trial.call('POST', '/api/v1/projects', {
      key: null,
      body: { key: 'x' },
      headers: { host: 'localhost', ...headers },
    })
  assert.equal((await put({ origin: 'https://evil.example' })).status, 403)
  assert.equal((await put({ origin: 'null' })).status, 403)
  assert.equal((await put({ 'sec-fetch-site': 'cross-site' })).status, 403)
  assert.equal((await put({ 'content-type': 'text/plain' })).status, 415)
  assert.equal((await put({ origin: 'http://localhost:3000' })).status, 201)
})

test('an unknown path is a problem document with a trace', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const { status, body, headers } = await get('/nowhere', { traceparent })
  assert.equal(status, 404)
  assert.equal(headers.get('content-type'), 'application/problem+json')
  assert.equal(body.traceId, '4bf92f3577b34da6a3ce929d0e0e4736')
})

test('the API is described as OpenAPI 3.1, with schemas for what goes in and out', async () => {
  const { body } = await get('/openapi.json')
  assert.equal(body.openapi, '3.1.0')
  const put = body.paths['/api/v1/projects/{project}/environments/{environment}/flagset'].put
  assert.deepEqual(put.parameters.map((parameter: { name: string }) => parameter.name).toSorted(), [
    'comment',
    'dryRun',
    'environment',
    'project',
    'prune',
    'strict',
  ])
  assert.ok(put.requestBody.content['application/json'].schema.properties.flags)
  const post = body.paths['/api/v1/keys'].post
  assert.deepEqual(post.requestBody.content['application/json'].schema.properties.role.enum, [
    'client',
    'server',
    'editor',
    'admin',
  ])
  assert.ok(post.responses['201'].content['application/json'].schema.properties.secret)
})

test('the page that shows the API loads nothing and runs nothing', async () => {
  const { status, text, headers } = await get('/docs')
  assert.equal(status, 200)
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
  assert.ok(text.includes('/api/v1/projects/{project}/flags'))
  assert.ok(!/<script|src=|https?:\/\//.test(text))
})
