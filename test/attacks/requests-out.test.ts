import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { type Listening, openListening } from '../support/listening.ts'
import { ADMIN_KEY } from '../support/service.ts'
import { nodesOfSources } from '../support/syntax.ts'

// Server-side request forgery (CWE-918): the service opens connections only to addresses of its configuration.

/** Files that open connections, with where each takes its address from. */
const OPENING: Readonly<Record<string, string>> = {
  'repository/postgres/connection/failover-pool.ts': 'DATABASE_URL',
  'repository/postgres/database.ts': 'DATABASE_URL',
  'repository/redis/client.ts': 'REDIS_URL',
  'repository/redis/node-client.ts': 'REDIS_URL',
  'repository/redis/subscribe.ts': 'REDIS_URL',
  'repository/redis/upstash.ts': 'UPSTASH_REDIS_REST_URL',
  'scanner/code-references.ts': 'the command line, never a client of the service',
  'telemetry/open-telemetry.ts': 'OTEL_EXPORTER_OTLP_ENDPOINT',
}
/** The console runs in the browser, and the operator in a process of its own, whose addresses are of Kubernetes. */
const APART = /^(?:console|operator)\//
const OPENS = [
  /^(?:new )?(?:globalThis\.)?(?:fetch\((?!request|new Request|c\.req)|WebSocket|EventSource|XMLHttpRequest)/,
  /^(?:new )?(?:pg\.|Pool\(|Client\(|Redis\(|Bun\.(?!serve)|createClient)/,
  /^new (?:OTLP|\w*Exporter)/,
  /^process\.getBuiltinModule\('node:(?:net|tls|http|https|http2|dgram|dns)'\)\.(?:connect|request|get|lookup)/,
  /^(?:net|tls|http|https|http2)\.(?:connect|request|get)\(/,
]

test('only these files open connections', () => {
  const opening = new Set<string>()
  for (const { file, node, text } of nodesOfSources())
    if (!APART.test(file) && /^(?:Call|New)Expression$/.test(node.type) && OPENS.some((one) => one.test(text)))
      opening.add(file)
  for (const file of opening)
    assert.ok(file in OPENING, `${file} opens a connection: name the source of its address here`)
  assert.ok(opening.has('repository/redis/upstash.ts') && opening.has('repository/redis/node-client.ts'))
})

let it: Listening
let reached = 0
const canary = createServer((_, response) => {
  reached += 1
  response.end()
})
let url = ''
before(async () => {
  canary.on('connection', () => {
    reached += 1
  })
  canary.listen(0, '127.0.0.1')
  await once(canary, 'listening')
  url = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/x`
  it = await openListening()
  await it.environment('shop')
})
after(async () => {
  await it.close()
  canary.close()
})

const headersOf = (address: string): Record<string, string> => ({
  'x-forwarded-host': new URL(address).host,
  'x-forwarded-for': new URL(address).host,
  'x-forwarded-proto': 'http',
  forwarded: `for=${address};host=${new URL(address).host}`,
  'x-original-url': address,
  'x-rewrite-url': address,
  'x-http-method-override': 'CONNECT',
  referer: address,
  origin: new URL(address).origin,
  link: `<${address}>; rel=preload`,
  'x-callback-url': address,
  baggage: `endpoint=${encodeURIComponent(address)}`,
})

test('no address that a client sends is requested: in bodies, queries, headers and selectors of every route', async () => {
  const { paths } = (await it.service.call('GET', '/openapi.json')).body as { paths: Record<string, object> }
  const places = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => [method.toUpperCase(), path] as const),
  )
  const flag = {
    state: 'ENABLED',
    variants: { on: url, off: '' },
    defaultVariant: 'on',
    metadata: { url, flagSetId: url },
  }
  const context = { targetingKey: url, url, $ref: url, $schema: url }
  const targeting = { if: [{ starts_with: [{ var: 'url' }, url] }, 'on', 'off'] }
  const definition = { ...flag, targeting, $schema: url }
  const body = { ...definition, key: 'a', name: url, description: url, context, flags: ['a'], rule: targeting }
  const flagSet = {
    $schema: url,
    $ref: url,
    flags: { a: definition },
    $evaluators: { s: targeting },
    metadata: { url },
  }
  const send = async (method: string, path: string, content: object) => {
    const response = await fetch(
      `${it.address}${path}${path.includes('?') ? '&' : '?'}url=${encodeURIComponent(url)}`,
      {
        method,
        redirect: 'manual',
        headers: {
          ...headersOf(url),
          authorization: `Bearer ${ADMIN_KEY}`,
          'content-type': 'application/json',
          ...(!path.startsWith('/api') && { 'flagd-selector': 'flagSetId=shop/test' }),
        },
        ...(!['GET', 'HEAD'].includes(method) && { body: JSON.stringify(content) }),
      },
    )
    if (response.headers.get('content-type')?.includes('event-stream')) await response.body?.cancel()
    else await response.arrayBuffer()
    assert.ok(response.status < 500, `${method} ${path}: ${response.status}`)
    assert.ok(!response.headers.get('location')?.includes(url), path)
    return response.status
  }
  const test = '/api/v1/projects/shop/environments/test'
  assert.equal(await send('PUT', `${test}/flagset`, flagSet), 200)
  assert.equal(await send('POST', `${test}/explain`, { flags: ['a'], context }), 200)
  for (const path of ['/ofrep/v1/evaluate/flags/a', '/ofrep/v1/evaluate/flags'])
    assert.equal(await send('POST', path, { context }), 200)
  for (const selector of [`source=${url}`, `flagSetId=${url}`, url])
    for (const path of ['/v1/flags/', '/ofrep/v1/sse/']) await send('GET', path + encodeURIComponent(selector), {})
  for (const path of ['/', '/console/', '/console/session', '/docs', '/metrics', '/readyz', `/${url}`])
    await send('GET', path, {})
  await send('POST', '/console/session', { key: url })
  for (const method of ['ResolveBoolean', 'ResolveAll', 'EventStream'])
    await send('POST', `/flagd.evaluation.v1.Service/${method}`, { flagKey: url, context })
  await send('POST', '/flagd.sync.v1.FlagSyncService/FetchAllFlags', { selector: url, providerId: url })
  for (const [method, path] of places.filter(([method]) => method !== 'DELETE'))
    await send(
      method,
      path
        .replace('{project}', 'shop')
        .replace('{environment}', 'test')
        .replace(/\{\w+\}/, 'a'),
      body,
    )
  assert.equal(reached, 0, 'the service has requested an address of a client')
  await (await fetch(url)).arrayBuffer()
  assert.ok(reached > 0, 'the address can be reached')
})

test('the address of an event stream is that of the configuration, whatever host a client names', async () => {
  const body = JSON.stringify({})
  const headers = { ...headersOf(url), authorization: `Bearer ${ADMIN_KEY}`, 'flagd-selector': 'flagSetId=shop/test' }
  const response = await fetch(`${it.address}/ofrep/v1/evaluate/flags`, { method: 'POST', headers, body })
  const { eventStreams } = (await response.json()) as { eventStreams: { endpoint: object }[] }
  assert.deepEqual(Object.keys(eventStreams[0]?.endpoint ?? {}), ['requestUri'])
})
