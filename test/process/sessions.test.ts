import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request, startReplicas } from '../support/replicas.ts'

const CONSOLE = { 'x-flagstaff-console': '1', 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
const FLAGS = '/api/v1/projects/p/flags'

test('a session of one replica is valid at another at once, and ends at all when its key is revoked', {
  timeout: 60_000,
}, async () => {
  const replicas = await startReplicas(['node', 'bun'])
  try {
    const addresses = replicas.members.map(({ address }) => address)
    const [first = '', second = ''] = addresses
    const body = { name: 'ada', role: 'admin' }
    const { body: key } = await request(first, replicas.adminKey, { method: 'POST', path: '/api/v1/keys', body })
    const signIn = { method: 'POST', headers: CONSOLE, body: JSON.stringify({ key: key.secret }) }
    const response = await fetch(`${first}/console/session`, signIn)
    assert.equal(response.status, 201)
    const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
    const statusAt = async (address: string) => (await fetch(`${address}${FLAGS}`, { headers: { cookie } })).status
    assert.deepEqual(await Promise.all(addresses.map(statusAt)), [200, 200])
    await request(second, replicas.adminKey, { method: 'DELETE', path: `/api/v1/keys/${key.id}` })
    assert.equal(await statusAt(second), 401)
    const until = performance.now() + 10_000
    while ((await statusAt(first)) !== 401) assert.ok(performance.now() < until, 'still valid after 10 s')
  } finally {
    await replicas.close()
  }
})
