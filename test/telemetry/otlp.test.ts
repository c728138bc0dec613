import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTraceState, type HrTime, type Link, type SpanContext } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { encodeRequest, type Origin, writeEnded } from '../../src/telemetry/otlp.ts'
import { PageSpool } from '../../src/telemetry/page-spool.ts'
import { CLIENT, INTERNAL, SERVER, Span, type SpanOptions } from '../../src/telemetry/span.ts'
import { spansIn } from '../support/otlp.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SHARED = { 'feature_flag.set.id': 'shop/live', 'feature_flag.version': '7', some: [1, 'two'] }
const SCOPE = { name: 'flagstaff', version: '1.2.3' }
const ORIGIN: Origin = {
  resource: { 'service.name': 'flagstaff', 'process.pid': 7, 'process.command_args': ['bun', 'main.ts'] },
  schemaUrl: 'https://opentelemetry.io/schemas/1.40.0',
  scope: SCOPE,
}
const link: Link = {
  context: { traceId: TRACE, spanId: 'b7ad6b7169203331', traceFlags: 1, isRemote: true },
  attributes: { why: 'change' },
}

function spanOf(options: Partial<SpanOptions> = {}, fill: (span: Span) => void = () => undefined): Span {
  let at = 1_764_100_000_123.456
  const now = () => {
    at += 1.001
    return at
  }
  const span = new Span({
    name: 'POST /a',
    kind: SERVER,
    traceId: TRACE,
    parent: undefined,
    now,
    onEnd: () => undefined,
    ...options,
  })
  fill(span)
  span.end()
  return span
}

/** A request with these spans. */
function requestOf(...spans: Span[]): Uint8Array {
  const ended = new PageSpool(spans.length, writeEnded)
  for (const span of spans) ended.push(span)
  return encodeRequest(ended.take(spans.length), ORIGIN)
}

/** The same span as OpenTelemetry's own exporter reads it. */
function readable(span: Span): ReadableSpan {
  const { name, kind, startedAt, endedAt = 0, attributes, links, events, droppedEvents, parent, status } = span
  const spanContext: SpanContext = {
    ...span.spanContext(),
    ...(parent?.state && { traceState: createTraceState(parent.state) }),
  }
  return {
    name,
    kind,
    spanContext: () => spanContext,
    ...(parent && {
      parentSpanContext: {
        traceId: parent.traceId,
        spanId: parent.spanId,
        traceFlags: 1,
        isRemote: !(parent instanceof Span),
      },
    }),
    startTime: hrTime(startedAt),
    endTime: hrTime(endedAt),
    duration: hrTime(endedAt - startedAt),
    ended: true,
    status: status ?? { code: 0 },
    attributes: { ...span.shared, ...attributes },
    links,
    events: events.map((event) => ({
      name: event.name,
      time: hrTime(event.at),
      attributes: { ...event.shared, ...event.attributes },
    })),
    resource: resourceFromAttributes(ORIGIN.resource, { schemaUrl: ORIGIN.schemaUrl ?? '' }),
    instrumentationScope: SCOPE,
    droppedAttributesCount: 0,
    droppedEventsCount: droppedEvents,
    droppedLinksCount: 0,
  }
}

const hrTime = (ms: number): HrTime => {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)]
}

const remote = { traceId: TRACE, spanId: '00f067aa0ba902b7', isSampled: true, state: 'a=1,b=2' }
const texts = ['', 'x', 'Zażółć', '😀'.repeat(40), 'ä'.repeat(42), 'ä'.repeat(43), 'z'.repeat(20_000), '\ud800']
const numbers = [0, 1, 127, 128, 16_384, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, -1, -(2 ** 40), 0.5, -0.25, 1e300]

for (const [what, span] of [
  ['a span with nothing', spanOf()],
  ['an internal span below one of ours', spanOf({ kind: INTERNAL, parent: spanOf() })],
  ['a span below one of another process', spanOf({ kind: CLIENT, parent: remote })],
  ['texts', spanOf({ attributes: Object.fromEntries(texts.map((text, at) => [`text.${at}`, text])) })],
  ['numbers', spanOf({ attributes: Object.fromEntries(numbers.map((value) => [`n${value}`, value])) })],
  ['other values', spanOf({ attributes: { yes: true, no: false, list: ['a', '', 'ä'], none: [], mixed: [1, 2.5] } })],
  ['attributes that others share', spanOf({ attributes: { own: 1 }, shared: SHARED })],
  [
    'the same attributes again',
    spanOf({ shared: SHARED }, (span) => span.note('a', { own: 'ä' }, SHARED).note('b', {}, SHARED)),
  ],
  ['a failure', spanOf({}, (span) => span.fail('500'))],
  ['links', spanOf({}, (span) => span.addLinks([link, link]))],
  [
    'more events than are kept',
    spanOf({}, (span) => {
      for (let at = 0; at < 200; at += 1) span.note('feature_flag.evaluation', { 'feature_flag.key': `f${at}` }, SHARED)
      span.recordException(new TypeError('secret'))
    }),
  ],
] as const)
  test(`encodeRequest() writes what OpenTelemetry's own serializer writes: ${what}`, () => {
    const theirs = spansIn(ProtobufTraceSerializer.serializeRequest([readable(span)]) ?? new Uint8Array())
    const ours = spansIn(requestOf(span))
    assert.equal(ours.length, 1)
    assert.deepEqual(ours, theirs)
  })

/** The part of a message that begins and ends with these texts, with the lengths before it. */
function between(bytes: Uint8Array, from: string, to: string): string {
  const text = Buffer.from(bytes).toString('latin1')
  const start = text.indexOf(from)
  const end = text.indexOf(to, start)
  assert.ok(start > 0 && end > 0)
  return text.slice(start - 2, end + to.length)
}

test('encodeRequest() tells the resource and the scope as OpenTelemetry does, byte by byte', () => {
  const theirs = ProtobufTraceSerializer.serializeRequest([readable(spanOf())]) ?? new Uint8Array()
  const ours = requestOf(spanOf())
  for (const [from, to] of [
    ['service.name', 'main.ts'],
    ['\tflagstaff\x12\x05', SCOPE.version],
  ] as const)
    assert.equal(between(ours, from, to), between(theirs, from, to))
  assert.ok(
    Buffer.from(ours)
      .toString()
      .endsWith(ORIGIN.schemaUrl ?? '-'),
  )
})

test('many spans of one request arrive in order', () => {
  const spans = Array.from({ length: 700 }, (_, at) => spanOf({ name: `span ${at}` }))
  const names = spansIn(requestOf(...spans)).map(({ name, service }) => `${service} ${name}`)
  assert.deepEqual(
    names,
    Array.from({ length: 700 }, (_, at) => `flagstaff span ${at}`),
  )
})
