import assert from 'node:assert/strict'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { FlagdWebProvider } from '@openfeature/flagd-web-provider'
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk'
import { kill, type Running, startService } from '../support/process.ts'
import { openStore, type Store } from '../support/store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
const PLACE = '/projects/web/environments/test'
const FLAGS = {
  bool: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on', metadata: { owner: 'web' } },
  text: { state: 'ENABLED', variants: { a: 'A', b: 'B' }, defaultVariant: 'a' },
  number: { state: 'ENABLED', variants: { half: 0.5 }, defaultVariant: 'half' },
  object: { state: 'ENABLED', variants: { o: { a: [1, { b: null }] } }, defaultVariant: 'o' },
  targeted: {
    state: 'ENABLED',
    variants: { gold: 'G', none: 'N' },
    defaultVariant: 'none',
    targeting: { if: [{ '==': [{ var: 'tier' }, 'gold'] }, 'gold'] },
  },
}

let store: Store
let running: Running
let key = ''
let port = 0
before(async () => {
  store = await openStore()
  running = await startService({ DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY })
  port = Number(new URL(running.address).port)
  await send('POST', '/projects', { key: 'web' })
  await send('POST', '/projects/web/environments', { key: 'test' })
  await send('PUT', `${PLACE}/flagset`, { flags: FLAGS })
  const environment = { project: 'web', environment: 'test' }
  key = (await send('POST', '/keys', { name: 'web', role: 'client', environment })).secret ?? ''
})
after(async () => {
  await OpenFeature.clearContexts() // on Bun several test files share one process, and so this context
  await OpenFeature.close()
  await kill(running)
  await store.close()
})

async function send(method: string, path: string, body: unknown): Promise<{ secret?: string }> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
  const response = await fetch(`${running.address}/api/v1${path}`, { method, headers, body: JSON.stringify(body) })
  assert.ok(response.ok, `${method} ${path} answers ${response.status}`)
  return Object(await response.json())
}

test("flagd's web provider evaluates over Connect, and receives a change", async () => {
  const withKey: ConstructorParameters<typeof FlagdWebProvider>[0]['interceptors'] = [
    (next) => (call) => {
      call.header.set('x-api-key', key)
      return next(call)
    },
  ]
  const provider = new FlagdWebProvider({ host: '127.0.0.1', port, tls: false, maxRetries: -1, interceptors: withKey })
  const changed = Promise.withResolvers<unknown>()
  OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, (event) => changed.resolve(event?.flagsChanged))
  await OpenFeature.setProviderAndWait(provider, { targetingKey: 'u', tier: 'gold' })
  const client = OpenFeature.getClient()
  const { value, variant, reason } = client.getBooleanDetails('bool', false)
  assert.deepEqual({ value, variant, reason }, { value: true, variant: 'on', reason: 'STATIC' })
  assert.equal(client.getStringValue('text', ''), 'A')
  assert.equal(client.getNumberValue('number', 0), 0.5)
  assert.deepEqual(client.getObjectValue('object', {}), FLAGS.object.variants.o)
  assert.equal(client.getStringDetails('targeted', '').reason, 'TARGETING_MATCH')
  assert.equal(client.getBooleanDetails('none', true).errorCode, 'FLAG_NOT_FOUND')
  assert.equal(client.getBooleanDetails('text', true).errorCode, 'TYPE_MISMATCH')
  await send('PUT', `${PLACE}/flags/text`, { ...FLAGS.text, defaultVariant: 'b' })
  await changed.promise
  assert.equal(client.getStringValue('text', ''), 'B')
  await OpenFeature.setContext({ targetingKey: 'u', tier: 'none' })
  assert.equal(client.getStringValue('targeted', ''), 'N')
})

test('a web page can send its key in the host name', async () => {
  const resolveAt = (host: string) =>
    new Promise<string>((resolve, reject) => {
      const path = '/flagd.evaluation.v1.Service/ResolveBoolean'
      const headers = { host, 'content-type': 'application/json' }
      const call = request({ port, host: '127.0.0.1', path, method: 'POST', headers }, (answer) =>
        resolve(text(answer)),
      )
      call.on('error', reject).end('{"flagKey":"bool","context":{}}')
    })
  assert.equal(JSON.parse(await resolveAt(`${key}.flags.example:443`)).value, true)
  assert.equal(JSON.parse(await resolveAt('flags.example')).code, 'unauthenticated')
})
