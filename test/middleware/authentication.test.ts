import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openService, type Service } from '../support/service.ts'

let trial: Service
before(async () => {
  trial = await openService({
    dependencies: {
      trialFlagSetId: 'default/development',
      authenticate: () => ({ name: 'trial', role: 'admin', environment: null }),
    },
  })
})
after(() => trial.close())
const get = (path: string, headers: Record<string, string> = {}) =>
  trial.call('GET', path, { key: null, headers: { host: '127.0.0.1:8080', ...headers } })

test('trial mode serves loopback names only', async () => {
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

test('trial mode serves HTTP/2 by :authority, and clients that send no host name', async () => {
  const over = async (url: string, headers: Record<string, string> = {}) =>
    (await trial.fetch(new Request(url, { headers }))).status
  assert.equal(await over('http://127.0.0.1:8080/livez'), 200)
  assert.equal(await over('http://[::1]:8080/livez'), 200)
  assert.equal(await over('http://evil.example/livez'), 403)
  assert.equal(await over('http://127.0.0.1/livez', { host: 'evil.example' }), 403)
})

test('trial mode refuses requests from pages of other sites', async () => {
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
