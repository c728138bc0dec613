import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Service as Evaluation } from '../../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import { type Collector, startCollector } from '../support/collector.ts'
import { readEvents } from '../support/events.ts'
import { GrpcClient } from '../support/grpc.ts'
import type { OtlpSpan } from '../support/otlp.ts'
import { RUNTIME, type Running } from '../support/process.ts'
import { HAS_REDIS } from '../support/redis.ts'
import { FLAG_SET, type Replicas, request, startReplicas } from '../support/replicas.ts'

const SERVER = 2
const CLIENT = 3
const SINGLE = '/ofrep/v1/evaluate/flags/:key'
let made = 0

/** A client's span: its header, and the ids in it. */
function caller(flags = '01') {
  made += 1
  const traceId = `${'c'.repeat(24)}${made.toString(16).padStart(8, '0')}`
  const spanId = 'd'.repeat(16)
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` }
}

describe('two replicas and a collector', {
  skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
}, () => {
  let collector: Collector
  let replicas: Replicas
  let first: Running
  before(async () => {
    collector = await startCollector()
    replicas = await startReplicas([RUNTIME], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_SCHEDULE_DELAY: '50',
    })
    const [member] = replicas.members
    assert.ok(member)
    first = member
  })
  after(async () => {
    await replicas.close()
    await collector.close()
  })
  const spanOf = (traceId: string, isIt: (span: OtlpSpan) => boolean) =>
    collector.wait(() => collector.spans.find((span) => span.traceId === traceId && isIt(span)))
  const childOf = (parent: OtlpSpan, name: string) =>
    spanOf(parent.traceId, (span) => span.parentSpanId === parent.spanId && span.name === name)
  const evaluate = (at: Running, traceparent: string, path = 'a') =>
    fetch(`${at.address}/ofrep/v1/evaluate/flags/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${replicas.adminKey}`,
        'flagd-selector': 'flagSetId=p/e',
        traceparent,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ context: { targetingKey: 'ada', email: 'ada@example.com' } }),
    })
  const change = async (defaultVariant: 'on' | 'off', traceparent: string) => {
    const options = { method: 'PATCH', path: `${FLAG_SET}/flags/a?comment=hidden`, body: { defaultVariant } }
    const { status, body } = await request(first.address, replicas.adminKey, { ...options, headers: { traceparent } })
    assert.equal(status, 200)
    return body
  }

  test('a change is one trace from the client to Postgres and Redis, and its change record has the trace id', async () => {
    const { traceId, spanId, traceparent } = caller()
    await change('off', traceparent)
    const door = await spanOf(traceId, ({ kind }) => kind === SERVER)
    assert.equal(door.service, 'flagstaff')
    assert.equal(door.parentSpanId, spanId)
    assert.equal(door.name, 'PATCH /api/v1/projects/:project/environments/:environment/flags/:key')
    assert.equal(door.attributes['http.request.method'], 'PATCH')
    assert.equal(door.attributes['http.route'], '/api/v1/projects/:project/environments/:environment/flags/:key')
    assert.equal(door.attributes['http.response.status_code'], 200)
    assert.equal(door.attributes['url.full'], `${first.address}${FLAG_SET}/flags/a`, 'without the query')
    const write = await childOf(door, 'postgresql write')
    assert.equal(write.kind, CLIENT)
    assert.deepEqual(write.attributes, { 'db.system.name': 'postgresql', 'db.operation.name': 'write' })
    const refresh = await childOf(door, 'flagstaff.refresh')
    await childOf(refresh, 'postgresql read')
    await childOf(refresh, 'redis write_copy')
    const { body } = await request(first.address, replicas.adminKey, { method: 'GET', path: '/api/v1/changes?limit=1' })
    assert.equal(body.items[0].traceId, traceId)
  })

  test('an evaluation on a cold replica is one trace, with the evaluation as its event', async () => {
    const { traceId, spanId, traceparent } = caller()
    const cold = await replicas.add(RUNTIME)
    const before = Date.now()
    const response = await evaluate(cold, traceparent)
    const { value } = (await response.json()) as { value: unknown }
    const end = Date.now()
    assert.equal(value, false)
    const door = await spanOf(traceId, ({ kind }) => kind === SERVER)
    assert.equal(response.headers.get('traceresponse'), `00-${traceId}-${door.spanId}-01`)
    assert.equal(door.parentSpanId, spanId)
    assert.equal(door.name, `POST ${SINGLE}`)
    assert.ok(door.start >= before - 1 && door.end <= end + 1, 'the times are those of the request, not of the export')
    assert.deepEqual(door.attributes, {
      'http.request.method': 'POST',
      'http.route': SINGLE,
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'url.path': '/ofrep/v1/evaluate/flags/a',
    })
    assert.equal(door.events.length, 1)
    const { 'feature_flag.version': version, ...attributes } = door.events[0]?.attributes ?? {}
    assert.equal(door.events[0]?.name, 'feature_flag.evaluation')
    assert.ok(Number(version) > 0)
    assert.deepEqual(attributes, {
      'feature_flag.key': 'a',
      'feature_flag.result.variant': 'off',
      'feature_flag.result.reason': 'static',
      'feature_flag.context.id': 'ada',
      'feature_flag.set.id': 'p/e',
      'feature_flag.provider.name': 'flagstaff',
    })
    const refresh = await childOf(door, 'flagstaff.refresh')
    assert.equal(refresh.attributes['flagstaff.refresh.name'], 'p/e')
    await childOf(refresh, 'redis read_copy')
    assert.ok(!JSON.stringify(collector.spans).includes('ada@example.com'), 'of the context only the targeting key')
  })

  test('a change can be followed to the replica that loaded it', async () => {
    const [, second] = replicas.members
    assert.ok(second)
    const { traceId, traceparent } = caller()
    await change('on', traceparent)
    const door = await spanOf(traceId, ({ kind }) => kind === SERVER)
    const unsampled = caller('00')
    const isNew = async () => ((await (await evaluate(second, unsampled.traceparent)).json()) as any).value === true
    while (!(await isNew())) await new Promise((resolve) => setTimeout(resolve, 50))
    const swap = await collector.wait(() =>
      collector.spans.find(
        ({ name, links, traceId: own }) =>
          name === 'flagstaff.refresh' && own !== traceId && links.some((link) => link.spanId === door.spanId),
      ),
    )
    assert.deepEqual(swap.links, [{ traceId, spanId: door.spanId }])
    assert.ok(!collector.spans.some((span) => span.traceId === unsampled.traceId), 'what the caller drops is dropped')
  })

  test('a call over gRPC is one trace from the client to Redis, with the evaluation as its event', async () => {
    const { traceId, spanId, traceparent } = caller()
    const cold = await replicas.add(RUNTIME)
    const metadata = { traceparent, 'flagd-selector': 'flagSetId=p/e' }
    const client = new GrpcClient(cold.grpcPort, { key: replicas.adminKey, metadata })
    const answer = await client.call(Evaluation, 'resolveBoolean', { flagKey: 'a', context: { targetingKey: 'bob' } })
    assert.equal(answer.status, 0)
    const door = await spanOf(traceId, ({ kind }) => kind === SERVER)
    assert.equal(door.parentSpanId, spanId)
    assert.equal(door.name, 'flagd.evaluation.v2.Service/ResolveBoolean')
    assert.deepEqual(door.attributes, {
      'rpc.system.name': 'grpc',
      'rpc.method': 'flagd.evaluation.v2.Service/ResolveBoolean',
      'rpc.response.status_code': 'OK',
    })
    assert.equal(door.events[0]?.attributes['feature_flag.context.id'], 'bob')
    assert.equal(door.events[0]?.attributes['feature_flag.result.variant'], 'on')
    await childOf(await childOf(door, 'flagstaff.refresh'), 'redis read_copy')
    const refused = caller()
    const other = new GrpcClient(cold.grpcPort, { key: 'wrong', metadata: { traceparent: refused.traceparent } })
    assert.equal((await other.call(Evaluation, 'resolveBoolean', { flagKey: 'a' })).status, 16)
    const failed = await spanOf(refused.traceId, ({ kind }) => kind === SERVER)
    assert.equal(failed.attributes['rpc.response.status_code'], 'UNAUTHENTICATED')
    client.close()
    other.close()
  })

  test('the span of an event stream ends with the stream, and its address shows no token', async () => {
    const { traceId, traceparent } = caller()
    const bulk = (await (await evaluate(first, caller('00').traceparent, '')).json()) as any
    const path: string = bulk.eventStreams[0].endpoint.requestUri
    const response = await fetch(`${first.address}${path}`, { headers: { traceparent } })
    const events = readEvents(response.body)
    await events.next('retry')
    const opened = Date.now()
    await new Promise((resolve) => setTimeout(resolve, 150))
    await events.cancel()
    const span = await spanOf(traceId, ({ kind }) => kind === SERVER)
    assert.ok(span.end - opened >= 140, `${span.end - opened} ms`)
    assert.equal(span.attributes['flagstaff.stream.end'], 'client')
    assert.ok(path.includes('token='))
    assert.ok(!JSON.stringify(collector.spans).includes('token='))
  })

  test('a key in the host name is in no span', async () => {
    const { traceId, traceparent } = caller()
    const key = `fs_server_${'k'.repeat(52)}`
    const headers = { host: `${key}.flags.example`, traceparent, authorization: `Bearer ${replicas.adminKey}` }
    const { request: send } = await import('node:http')
    const { promise, resolve } = Promise.withResolvers<void>()
    const call = send(`${first.address}/api/v1/projects`, { headers }, (response) =>
      response.resume().on('end', resolve),
    )
    call.end()
    await promise
    const span = await spanOf(traceId, ({ kind }) => kind === SERVER)
    assert.equal(span.attributes['url.full'], 'http://REDACTED.flags.example/api/v1/projects')
    assert.ok(!JSON.stringify(collector.spans).includes(key))
  })

  test('probes and scrapes make no traces', async () => {
    const ids = ['/livez', '/readyz', '/metrics'].map((path) => ({ path, ...caller() }))
    for (const { path, traceparent } of ids) await fetch(`${first.address}${path}`, { headers: { traceparent } })
    const { traceId, traceparent } = caller()
    await evaluate(first, traceparent)
    await spanOf(traceId, ({ kind }) => kind === SERVER)
    for (const id of ids) assert.ok(!collector.spans.some((span) => span.traceId === id.traceId), id.path)
  })
})
