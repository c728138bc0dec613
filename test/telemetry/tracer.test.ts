import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CLIENT, INTERNAL, SERVER, type Span } from '../../src/telemetry/span.ts'
import { newSpanId, positionOf, sampledTraceId, traceIdAt } from '../../src/telemetry/trace-context.ts'
import { Tracer } from '../../src/telemetry/tracer.ts'

const ALL = { ratio: 1, followsParent: true }
const parent = (isSampled: boolean) => ({ traceId: traceIdAt(0.5), spanId: newSpanId(), isSampled })
const endedOf = (it: Tracer): Span[] => {
  const spans: Span[] = []
  it.ended.connect((span) => spans.push(span))
  return spans
}
const tracer = (sampling: { ratio: number; followsParent: boolean } | undefined = ALL) => new Tracer({ sampling })

test('ids have their length and are not all zero; a trace id gives its position in the sample', () => {
  for (let turns = 0; turns < 1_000; turns += 1) {
    const share = Math.random()
    const traceId = traceIdAt(share)
    assert.match(traceId, /^(?!0{32})[\da-f]{32}$/)
    assert.match(newSpanId(), /^(?!0{16})[\da-f]{16}$/)
    assert.ok(Math.abs(positionOf(traceId) - share) < 1e-9)
  }
  assert.match(traceIdAt(0), /[1-9a-f]/)
})

for (const [name, sampling, caller, isKept] of [
  ['a new trace', { ratio: 1, followsParent: true }, undefined, true],
  ['a new trace with ratio 0', { ratio: 0, followsParent: true }, undefined, false],
  ["a caller's that it keeps", { ratio: 0, followsParent: true }, parent(true), true],
  ["a caller's that it drops", { ratio: 1, followsParent: true }, parent(false), false],
  ["a caller's, whatever it does, with all", { ratio: 1, followsParent: false }, parent(false), true],
  ["a caller's, whatever it does, with none", { ratio: 0, followsParent: false }, parent(true), false],
  ["a caller's that lies below the ratio", { ratio: 0.6, followsParent: false }, parent(false), true],
  ["a caller's that lies above the ratio", { ratio: 0.4, followsParent: false }, parent(true), false],
] as const)
  test(`${name} is ${isKept ? 'kept' : 'not kept'}`, () => {
    const traceId = sampledTraceId(sampling, caller)
    assert.equal(traceId !== undefined, isKept)
    if (caller && traceId) assert.equal(traceId, caller.traceId)
  })

test('the configured share of new traces is kept', () => {
  let kept = 0
  for (let turns = 0; turns < 20_000; turns += 1)
    if (sampledTraceId({ ratio: 0.1, followsParent: true }, undefined)) kept += 1
  assert.ok(kept > 1_700 && kept < 2_300, String(kept))
})

test('spans started within a span are its children, across await, and ended spans wait in order', async () => {
  const it = tracer()
  const door = it.startRemote(it.sample(undefined) ?? '', undefined, { name: 'door', kind: SERVER })
  await it.within(door, async () => {
    await turn()
    assert.equal(it.active, door)
    await it.trace({ name: 'query', kind: CLIENT }, async (span) => {
      await turn()
      assert.equal(span?.parent?.spanId, door.spanId)
      assert.equal(span?.traceId, door.traceId)
    })
  })
  door.end()
  assert.deepEqual(
    endedOf(it).map(({ name }) => name),
    ['query', 'door'],
  )
})

test('a request that is not sampled has no child spans, and work without a request starts a trace', async () => {
  const it = tracer()
  await it.within(undefined, () =>
    it.trace({ name: 'query', kind: CLIENT }, async (span) => assert.equal(span, undefined)),
  )
  await it.trace({ name: 'alone', kind: INTERNAL }, async (span) => assert.equal(span?.parent, undefined))
  assert.deepEqual(
    endedOf(it).map(({ name }) => name),
    ['alone'],
  )
})

test('a span fails with its work, with a code and never with a text', async () => {
  const it = tracer()
  const cause = Object.assign(new Error('password=planted'), { code: '57P01' })
  await assert.rejects(
    it.trace({ name: 'query', kind: CLIENT }, () => Promise.reject(cause)),
    cause,
  )
  const [span] = endedOf(it)
  assert.deepEqual([span?.attributes['error.type'], span?.status?.code], ['57P01', 2])
})

test('a disabled tracer makes nothing', async () => {
  const off = new Tracer({ sampling: undefined })
  assert.equal(off.sample(parent(true)), undefined)
  assert.equal(
    off.within(undefined, () => 1),
    1,
  )
  assert.equal(await off.trace({ name: 'a', kind: SERVER }, async (span) => span), undefined)
  assert.equal(off.ended.size, 0)
})

test('times follow the monotonic clock, and the wall clock when it is set', () => {
  let monotonic = 10
  let wall = 1_000
  const it = new Tracer({ sampling: ALL, clocks: { monotonic: () => monotonic, wall: () => wall } })
  const begin = () => it.start({ name: 'a', kind: INTERNAL })?.startedAt
  monotonic += 0.25
  assert.equal(begin(), 1_000.25)
  wall += 60_000
  monotonic += 1
  assert.equal(begin(), 61_000)
})

test('events above the limit of a span are counted, not kept', () => {
  const it = tracer()
  const span = it.start({ name: 'a', kind: INTERNAL })
  for (let turns = 0; turns < 130; turns += 1) span?.addEvent('event')
  assert.deepEqual([span?.events.length, span?.droppedEvents], [128, 2])
})
