import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk'
import { EventSource } from 'eventsource'
import { readEvents } from '../support/events.ts'
import { RUNTIME, type Running } from '../support/process.ts'
import { HAS_REDIS } from '../support/redis.ts'
import { FLAG_SET, type Replicas, request, startReplicas } from '../support/replicas.ts'

const PAGE = 'https://shop.example.com'
/** So long that within a test a service learns of another's change only by an invalidation, or from a client that received it. */
const FRESHNESS_MS = '60000'

describe('event streams in a service of their own, on the other runtime', {
  skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
}, () => {
  let replicas: Replicas
  let evaluation: Running
  let streams: Running
  let clientKey: string
  before(async () => {
    replicas = await startReplicas([RUNTIME === 'node' ? 'bun' : 'node'], { FRESHNESS_MS })
    const [first] = replicas.members
    assert.ok(first)
    streams = first
    evaluation = await replicas.add(RUNTIME, {
      FLAGSTAFF_STREAMS: 'off',
      FLAGSTAFF_STREAM_URL: streams.address,
    })
    const body = { name: 'web', role: 'client', environment: { project: 'p', environment: 'e' } }
    const key = await request(evaluation.address, replicas.adminKey, { method: 'POST', path: '/api/v1/keys', body })
    clientKey = key.body.secret
  })
  after(() => replicas.close())

  let isOn = true
  /** Toggles the flag through the management API of `at`, and returns the new value. */
  const change = async (at: Running): Promise<boolean> => {
    isOn = !isOn
    const patch = { method: 'PATCH', path: `${FLAG_SET}/flags/a`, body: { defaultVariant: isOn ? 'on' : 'off' } }
    assert.equal((await request(at.address, replicas.adminKey, patch)).status, 200)
    return isOn
  }
  const bulk = async (query = '', headers: Record<string, string> = {}) => {
    const response = await fetch(`${evaluation.address}/ofrep/v1/evaluate/flags${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${clientKey}`, 'content-type': 'application/json', ...headers },
      body: '{}',
    })
    const { flags, eventStreams } = (await response.json()) as { flags: [{ value: unknown }]; eventStreams: [any] }
    return { value: flags[0].value, etag: response.headers.get('etag') ?? '', endpoint: eventStreams[0].endpoint }
  }

  test('the evaluation service returns the address of the other and serves no stream itself', async () => {
    const { origin, requestUri } = (await bulk()).endpoint
    assert.equal(origin, streams.address)
    assert.equal((await fetch(evaluation.address + requestUri)).status, 404)
  })

  for (const [where, writer] of [
    ['the evaluation service', () => evaluation],
    ['another replica', () => streams],
  ] as const)
    test(`a change at ${where} arrives over the stream, and its reader gets the new value`, async () => {
      const { value, etag, endpoint } = await bulk()
      const headers = { origin: PAGE, 'last-event-id': '0' }
      const response = await fetch(endpoint.origin + endpoint.requestUri, { headers })
      assert.equal(response.headers.get('access-control-allow-origin'), '*', 'a page may read it')
      const events = readEvents(response.body)
      const known = await events.next('data')
      assert.equal(value, isOn)
      const wanted = await change(writer())
      const event = await events.next('data')
      await events.cancel()
      assert.equal(Number(event?.['id']), Number(known?.['id']) + 1)
      const { etag: newest } = JSON.parse(event?.['data'] ?? '')
      assert.equal((await bulk(`?flagConfigEtag=${newest}`, { 'if-none-match': etag })).value, wanted)
    })

  test('the published web provider subscribes there', async () => {
    Object.assign(globalThis, { EventSource })
    const headers: [string, string][] = [['authorization', `Bearer ${clientKey}`]]
    const options = { headers, cacheMode: 'disabled', pollInterval: 0 } as const
    const provider = new OFREPWebProvider({ baseUrl: evaluation.address, ...options })
    await OpenFeature.setProviderAndWait('streams', Object.assign(provider, { hooks: [] }))
    const client = OpenFeature.getClient('streams')
    assert.equal(client.getBooleanValue('a', !isOn), isOn)
    const wanted = !isOn
    const changed = Promise.withResolvers<void>()
    client.addHandler(ProviderEvents.ConfigurationChanged, () => {
      if (client.getBooleanValue('a', !wanted) === wanted) changed.resolve()
    })
    await change(streams)
    await changed.promise
    await OpenFeature.close()
  })
})
