import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagSyncService } from '../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { GrpcClient } from '../support/grpc.ts'
import { kill, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'

let store: Store
let running: Running | undefined
before(async () => {
  store = await openStore()
})
after(async () => {
  if (running) await kill(running)
  await store.close()
})

const start = async () => {
  running = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  return running
}
const stop = async () => {
  running?.child.kill('SIGTERM')
  assert.equal((await running?.ended)?.code, 0, running?.output())
}
async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<any> {
  const response = await fetch(`${running?.address}${path}`, {
    method,
    headers: { 'x-api-key': ADMIN_KEY, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  assert.ok(response.ok, `${method} ${path}: ${response.status}`)
  return response.json()
}
const isRecent = (text: string | null) => text !== null && Math.abs(Date.now() - Date.parse(text)) < 60_000

test('keys show their last use and environments their in-process sync, after the replica has stopped', async () => {
  const { grpcPort } = await start()
  await call('POST', '/api/v1/projects', { key: 'shop' })
  const flags = { a: { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on' } }
  const secrets: Record<string, string> = {}
  for (const environment of ['none', 'http', 'stream', 'fetch']) {
    await call('POST', '/api/v1/projects/shop/environments', { key: environment })
    await call('PUT', `/api/v1/projects/shop/environments/${environment}/flagset`, { flags })
    for (const role of ['client', 'server', 'editor']) {
      const name = `${environment} ${role}`
      secrets[name] = (
        await call('POST', '/api/v1/keys', { name, role, environment: { project: 'shop', environment } })
      ).secret
    }
  }
  const basic = { authorization: 'Basic YTpi' }
  const header = (name: string) => ({ ...basic, 'x-api-key': secrets[name] ?? '' })
  await call('POST', '/ofrep/v1/evaluate/flags/a', {}, header('none client'))
  const { items } = await call('GET', '/api/v1/changes', undefined, header('none editor'))
  assert.ok(items.length > 0 && items.every((item: { environment: string }) => item.environment === 'none'))
  await call('GET', '/v1/flags', undefined, header('http server'))
  const fetching = new GrpcClient(grpcPort, { metadata: header('fetch server') })
  assert.equal((await fetching.call(FlagSyncService, 'fetchAllFlags', {})).status, 0)
  fetching.close()
  const streaming = new GrpcClient(grpcPort, { metadata: header('stream server') })
  const stream = streaming.open(FlagSyncService, 'syncFlags', {})
  await stream.next()
  streaming.close()
  await stop()

  await start()
  const keys: { name: string; lastUsedAt: string | null }[] = (await call('GET', '/api/v1/keys')).items
  const used = keys.filter(({ lastUsedAt }) => isRecent(lastUsedAt)).map(({ name }) => name)
  assert.deepEqual(used.sort(), ['fetch server', 'http server', 'none client', 'none editor', 'stream server'])
  assert.ok(keys.every(({ name, lastUsedAt }) => used.includes(name) || lastUsedAt === null))
  for (const environment of ['none', 'http', 'stream', 'fetch']) {
    const usage = await call('GET', `/api/v1/projects/shop/environments/${environment}/flags/a/usage`)
    assert.equal(isRecent(usage.syncedInProcessAt), environment !== 'none', environment)
  }
  await stop()
})
