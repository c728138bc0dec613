import assert from 'node:assert/strict'
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

/** An exporter for a collector, set up by the environment as everywhere else. */
async function open(t: TestContext, mood: Mood, variables: Readonly<Record<string, string>> = {}) {
  const collector = await startCollector()
  collector.mood = mood
  const all: Record<string, string> = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...variables }
  Object.assign(process.env, all)
  const exporter = spanExporter(() => ORIGIN)
  for (const name of Object.keys(all)) delete process.env[name]
  t.after(async () => {
    await exporter.shutdown()
    await collector.close()
  })
  return { collector, exporter }
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
