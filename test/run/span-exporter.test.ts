import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { spanExporter } from '../../src/run/span-exporter.ts'
import { writeEnded } from '../../src/telemetry/otlp.ts'
import { type Batch, PageSpool } from '../../src/telemetry/page-spool.ts'
import { SERVER, Span } from '../../src/telemetry/span.ts'
import { type Mood, startCollector } from '../support/collector.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const ORIGIN = { resource: { 'service.name': 'flagstaff' }, schemaUrl: undefined, scope: { name: 'f', version: '1' } }

/** `count` spans that have ended. */
function spans(count: number): Batch {
  const ended = new PageSpool(count, writeEnded)
  for (let at = 0; at < count; at++) {
    const options = { name: `span ${at}`, kind: SERVER, traceId: TRACE, parent: undefined, now: () => 1 }
    new Span({ ...options, onEnd: (span) => ended.push(span) }).end()
  }
  return ended.take(count)
}

/** An exporter that is set up by the environment, as everywhere else. */
function exporterWith(t: TestContext, variables: Readonly<Record<string, string>>) {
  Object.assign(process.env, variables)
  const exporter = spanExporter(() => ORIGIN, 'HTTP_PROXY' in variables)
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
    return exporter.shutdown()
  })
  return exporter
}

async function open(t: TestContext, mood: Mood, variables: Readonly<Record<string, string>> = {}) {
  const collector = await startCollector()
  collector.mood = mood
  t.after(() => collector.close())
  return { collector, exporter: exporterWith(t, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...variables }) }
}

/** A collector that answers each request in its own way. */
async function answering(t: TestContext, answers: readonly ((response: ServerResponse) => void)[], timeout = '10000') {
  const times: number[] = []
  const server = createServer((request, response) => {
    times.push(performance.now())
    request.resume().on('end', () => answers[Math.min(times.length, answers.length) - 1]?.(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const exporter = exporterWith(t, { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_TIMEOUT: timeout })
  return { times, exporter }
}

for (const [how, variables] of [
  ['as they are', {}],
  ['compressed', { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }],
] as const)
  test(`spans arrive ${how}, batch after batch`, async (t) => {
    const { collector, exporter } = await open(t, 'takes', variables)
    for (const count of [600, 1, 30]) await exporter.send(spans(count))
    assert.equal(collector.spans.length, 631)
    assert.equal(collector.requests, 3)
    assert.equal(collector.spans.at(-1)?.name, 'span 29')
    assert.equal(collector.spans.at(-1)?.service, 'flagstaff')
  })

test('what the collector refuses is sent again, and arrives once', async (t) => {
  const { collector, exporter } = await open(t, 'refuses')
  const sent = exporter.send(spans(3))
  await collector.wait(() => collector.requests > 0 || undefined)
  collector.mood = 'takes'
  await sent
  assert.equal(collector.spans.length, 3)
})

test('a collector that goes on refusing is told of', async (t) => {
  const { exporter } = await open(t, 'refuses', { OTEL_EXPORTER_OTLP_TIMEOUT: '300' })
  await assert.rejects(exporter.send(spans(1)))
})

test('a collector that does not answer is waited for as long as is said, and not asked again', async (t) => {
  const { collector, exporter } = await open(t, 'hangs', { OTEL_EXPORTER_OTLP_TIMEOUT: '300' })
  await assert.rejects(exporter.send(spans(1)))
  assert.equal(collector.requests, 1)
})

test('a collector that is not there is told of', async (t) => {
  const gone = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '300' }
  const { exporter } = await open(t, 'takes', gone)
  await assert.rejects(exporter.send(spans(1)))
})

test('what the collector will never take is not sent again', async (t) => {
  const { times, exporter } = await answering(t, [(response) => response.writeHead(400).end('no')])
  await assert.rejects(exporter.send(spans(1)))
  assert.equal(times.length, 1)
})

test('a collector that says when it wants to be asked again is not asked before', async (t) => {
  const { times, exporter } = await answering(t, [
    (response) => response.writeHead(429, { 'retry-after': '2' }).end(),
    (response) => response.end(),
  ])
  await exporter.send(spans(1))
  const [first = 0, second = 0] = times
  assert.equal(times.length, 2)
  assert.ok(second - first >= 1_900, `${second - first} ms`)
})

test('one that wants to be asked again after all patience is not asked again', async (t) => {
  const later = (response: ServerResponse) => void response.writeHead(503, { 'retry-after': '60' }).end()
  const { times, exporter } = await answering(t, [later], '500')
  await assert.rejects(exporter.send(spans(1)))
  assert.equal(times.length, 1)
})

test('what was taken is not sent again, whatever else the collector says', async (t) => {
  const { times, exporter } = await answering(t, [
    (response) => response.end('this is no protobuf'),
    (response) => response.writeHead(200, { 'content-length': '100' }).end('half', () => response.destroy()),
  ])
  await exporter.send(spans(1))
  await exporter.send(spans(1))
  assert.equal(times.length, 2)
})

test('a proxy for others does not get what is for the collector', async (t) => {
  const proxy = await startCollector()
  t.after(() => proxy.close())
  const { collector, exporter } = await open(t, 'takes', { HTTP_PROXY: proxy.endpoint })
  await exporter.send(spans(2))
  assert.deepEqual([collector.spans.length, proxy.requests], [2, 0])
})
