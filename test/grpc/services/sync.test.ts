import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagSyncService } from '../../../src/grpc/gen/flagd/sync/v1/sync_pb.js'
import { type Listening, openListening } from '../../support/listening.ts'

const CONTEXT = { region: 'eu', tier: 3 }
const onOff = { on: true, off: false }
const FLAGS = {
  plain: { state: 'ENABLED', variants: onOff, defaultVariant: 'on' },
  bare: { state: 'ENABLED', variants: onOff },
  off: { state: 'DISABLED', variants: onOff, defaultVariant: 'off', metadata: { source: 'red' } },
  ruled: {
    state: 'ENABLED',
    variants: onOff,
    defaultVariant: 'off',
    targeting: { if: [{ $ref: 'staff' }, 'on', { $ref: 'never' }] },
  },
}
const $evaluators = {
  staff: { or: [{ $ref: 'inner' }, false] },
  inner: { ends_with: [{ var: 'email' }, '@a.b'] },
  never: null,
}

let it: Listening
let place: Awaited<ReturnType<Listening['environment']>>
const put = async (body: object) => {
  const answer = await it.service.call('PUT', `${place.path}/flagset?prune=true`, { body })
  assert.equal(answer.status, 200, answer.text)
}
before(async () => {
  it = await openListening({ rpc: { contextValues: CONTEXT } })
  place = await it.environment('sync')
  await put({ flags: FLAGS, $evaluators, metadata: { team: 'core', source: 'blue' } })
})
after(() => it.close())

const EXPECTED = {
  flags: {
    plain: { state: 'ENABLED', defaultVariant: 'on', variants: onOff, metadata: { team: 'core', source: 'blue' } },
    bare: { state: 'ENABLED', defaultVariant: '', variants: onOff, metadata: { team: 'core', source: 'blue' } },
    off: { state: 'DISABLED', defaultVariant: 'off', variants: onOff, metadata: { team: 'core', source: 'red' } },
    ruled: {
      state: 'ENABLED',
      defaultVariant: 'off',
      variants: onOff,
      targeting: { if: [{ or: [{ ends_with: [{ var: 'email' }, '@a.b'] }, false] }, 'on', null] },
      metadata: { team: 'core', source: 'blue' },
    },
  },
  metadata: { team: 'core', source: 'blue' },
}

test('FetchAllFlags returns the document that providers need: segments inlined, metadata merged, "" for no default', async () => {
  const client = it.client({ key: place.serverKey })
  const { message } = await client.call(FlagSyncService, 'fetchAllFlags', {})
  assert.deepEqual(JSON.parse(message?.flagConfiguration ?? ''), EXPECTED)
})

test('GetMetadata returns the static context', async () => {
  const { message } = await it.client({ key: place.serverKey }).call(FlagSyncService, 'getMetadata', {})
  assert.deepEqual(message?.metadata, CONTEXT)
})

test('SyncFlags sends the whole set at once and after every change of a selected flag, with the context each time', async () => {
  const all = it.client({ key: place.serverKey }).open(FlagSyncService, 'syncFlags', {})
  const red = it.client({ key: place.serverKey }).open(FlagSyncService, 'syncFlags', { selector: 'source=red' })
  const first = await all.next()
  assert.deepEqual(JSON.parse(first.flagConfiguration), EXPECTED)
  assert.deepEqual(first.syncContext, CONTEXT)
  assert.deepEqual(Object.keys(JSON.parse((await red.next()).flagConfiguration).flags), ['off'])
  const rest = { $evaluators, metadata: { team: 'core', source: 'blue' } }
  await put({ flags: { ...FLAGS, plain: { ...FLAGS.plain, defaultVariant: 'off' } }, ...rest })
  const second = await all.next()
  assert.equal(JSON.parse(second.flagConfiguration).flags.plain.defaultVariant, 'off')
  assert.deepEqual(second.syncContext, CONTEXT)
  await put({ flags: { ...FLAGS, off: { ...FLAGS.off, defaultVariant: 'on' } }, ...rest })
  assert.equal(JSON.parse((await red.next()).flagConfiguration).flags.off.defaultVariant, 'on', 'and nothing before')
  all.cancel()
  red.cancel()
  await put({ flags: FLAGS, ...rest })
})

test('definitions need a server key; the header overrides the selector of the message, and neither extends a key', async () => {
  const fetchFlags = (key: string, selector: string, metadata: Record<string, string> = {}) =>
    it.client({ key, metadata }).call(FlagSyncService, 'fetchAllFlags', { selector })
  const keys = async (answer: ReturnType<typeof fetchFlags>) =>
    Object.keys(JSON.parse((await answer).message?.flagConfiguration ?? '').flags)
  assert.equal((await fetchFlags(place.clientKey, '')).status, 7)
  assert.deepEqual(await keys(fetchFlags(place.serverKey, 'source=red')), ['off'])
  assert.deepEqual(await keys(fetchFlags(place.serverKey, 'source=none', { 'flagd-selector': 'source=red' })), ['off'])
  assert.deepEqual(await keys(fetchFlags(place.serverKey, 'flagSetId=sync/other')), [])
  assert.equal((await keys(fetchFlags(place.serverKey, `flagSetId=${place.flagSetId}`))).length, 4)
  assert.equal((await fetchFlags(place.serverKey, 'x=y')).status, 3)
})

for (const [what, keyCheckMs, change] of [
  ['in place of the next document', undefined, () => put({ flags: { bare: FLAGS.bare } })],
  ['soon without a change', 50, async () => undefined],
] as const)
  test(`when its key is revoked a stream ends with UNAUTHENTICATED, ${what}`, { timeout: 15_000 }, async () => {
    const at = await openListening({ store: it.service.store, rpc: { keyCheckMs } })
    try {
      const body = { name: 'leaked', role: 'server', environment: { project: 'sync', environment: 'test' } }
      const { id, secret } = (await at.service.call('POST', '/api/v1/keys', { body })).body
      const stream = at.client({ key: secret }).open(FlagSyncService, 'syncFlags', {})
      await stream.next()
      await at.service.call('DELETE', `/api/v1/keys/${id}`)
      await change()
      await assert.rejects(stream.next(), /ended with 16 The API key is not valid/)
      assert.equal(at.service.rpc.size(), 0)
    } finally {
      await at.server.close(AbortSignal.timeout(1_000))
    }
  })

test('a set above the size limit of gRPC clients is refused with advice', async () => {
  const large = await it.environment('large')
  const text = 'x'.repeat(9_000)
  const flag = { state: 'ENABLED', variants: { a: text }, defaultVariant: 'a' }
  const flags = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`flag-${index}`, flag]))
  const { status } = await it.service.call('PUT', `${large.path}/flagset`, { body: { flags } })
  assert.equal(status, 200)
  const client = it.client({ key: large.serverKey })
  const answer = await client.call(FlagSyncService, 'fetchAllFlags', {})
  const details = 'details' in answer ? answer.details : ''
  assert.match(
    details,
    /^The flag set "large\/test" has 36\d{5} bytes, more than the 3500000 .*Flagd-Selector.*\/v1\/flags/,
  )
  assert.equal((await client.open(FlagSyncService, 'syncFlags', {}).ended()).status, 8)
  const http = await fetch(`${it.address}/v1/flags`, { headers: { authorization: `Bearer ${large.serverKey}` } })
  const document: any = await http.json()
  assert.equal(Object.keys(document.flags).length, 400)
})
