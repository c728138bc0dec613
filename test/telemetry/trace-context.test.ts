import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contextIn, formatTraceparent, parseTraceparent } from '../../src/telemetry/trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

for (const [text, expected] of [
  [`00-${TRACE}-${SPAN}-01`, { traceId: TRACE, spanId: SPAN, isSampled: true }],
  [`00-${TRACE}-${SPAN}-00`, { traceId: TRACE, spanId: SPAN, isSampled: false }],
  [`00-${TRACE}-${SPAN}-03`, { traceId: TRACE, spanId: SPAN, isSampled: true }],
  [`cc-${TRACE}-${SPAN}-01-what-comes-later`, { traceId: TRACE, spanId: SPAN, isSampled: true }],
  [`00-${TRACE}-${SPAN}-01-more`, undefined],
  [`ff-${TRACE}-${SPAN}-01`, undefined],
  [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
  [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
  [`00-${TRACE}-${SPAN}`, undefined],
  ['', undefined],
  [null, undefined],
] as const)
  test(`traceparent ${JSON.stringify(text)} is ${expected ? 'read' : 'no trace'}`, () =>
    assert.deepEqual(parseTraceparent(text), expected))

test('formatTraceparent() writes the format that parseTraceparent() reads', () => {
  for (const isSampled of [true, false]) {
    const context = { traceId: TRACE, spanId: SPAN, isSampled }
    assert.deepEqual(parseTraceparent(formatTraceparent(context)), context)
  }
})

test('contextIn() passes tracestate on, unless it is longer than the specification requires', () => {
  const headers = (state: string) => new Headers({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: state })
  assert.equal(contextIn(headers('vendor=1'))?.state, 'vendor=1')
  assert.equal(contextIn(headers('x'.repeat(513)))?.state, undefined)
  assert.equal(contextIn(new Headers({ tracestate: 'vendor=1' })), undefined)
})
