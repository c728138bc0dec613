import type { Attributes, Link, SpanStatus } from '@opentelemetry/api'
import type { Batch } from './page-spool.ts'
import { type Page, ProtobufWriter } from './protobuf.ts'
import { Span, type SpanEvent } from './span.ts'

/** The numbers of fields are those of https://github.com/open-telemetry/opentelemetry-proto, `trace/v1/trace.proto`. */
type To = ProtobufWriter

/** Who has made spans. */
export type Origin = {
  readonly resource: Attributes
  readonly schemaUrl: string | undefined
  readonly scope: { readonly name: string; readonly version: string }
}

/** Flags of a span beside those of its trace: it is known whether its parent is of another process, and it is. */
const SAMPLED = 1
const HAS_REMOTE = 0x1_00
const IS_REMOTE = 0x2_00

const spanWriter = new ProtobufWriter()
const requestWriter = new ProtobufWriter()

/**
 * Writes a span that has ended behind others, as it will stand in a request. To encode it at once costs less than to keep what it is made
 * of until it is sent.
 */
export const writeEnded = (page: Page, span: Span): void => spanWriter.append(page, span, writeListed)

/** Spans as a collector takes them, an ExportTraceServiceRequest, in memory that is the next one's again. */
export const encodeRequest = ({ parts }: Batch, origin: Origin): Uint8Array<ArrayBuffer> =>
  requestWriter.message(origin, (request) =>
    request.within(1, origin, (group, { resource, schemaUrl, scope }) => {
      group.within(1, resource, (to, attributes) => writeAttributes(to, 1, attributes))
      group.within(2, scope, (listed, { name, version }) => {
        listed.within(1, name, (to) => {
          to.word(1, name)
          to.word(2, version)
        })
        for (const { bytes } of parts) listed.part(bytes)
      })
      if (schemaUrl !== undefined) group.text(3, schemaUrl)
    }),
  )

/** In a list of ScopeSpans; most take between 128 and 16,383 bytes. */
const writeListed = (to: To, span: Span): void => to.within(2, span, writeSpan, 2)

function writeSpan(to: To, span: Span): void {
  const { traceId, spanId, parent, kind, startedAt, endedAt = startedAt, status } = span
  to.hex(1, traceId)
  to.hex(2, spanId)
  if (parent?.state) to.text(3, parent.state)
  if (parent) to.hex(4, parent.spanId)
  to.word(5, span.name)
  to.integer(6, kind + 1)
  to.nanoseconds(7, startedAt)
  to.nanoseconds(8, endedAt)
  if (span.shared) to.part(ofSpans(span.shared))
  writeAttributes(to, 9, span.attributes)
  for (const event of span.events) to.within(11, event, writeEvent)
  if (span.droppedEvents > 0) to.integer(12, span.droppedEvents)
  for (const link of span.links) to.within(13, link, writeLink)
  if (status) to.within(15, status, writeStatus)
  to.fixed32(16, SAMPLED | HAS_REMOTE | (parent && !(parent instanceof Span) ? IS_REMOTE : 0))
}

function writeEvent(to: To, { name, at, attributes, shared }: SpanEvent): void {
  to.nanoseconds(1, at)
  to.word(2, name)
  if (shared) to.part(ofEvents(shared))
  writeAttributes(to, 3, attributes)
}

/** Attributes that many have in common, encoded once: two thirds of what a span of an evaluation says. */
const ofSpans = sharedIn(9)
const ofEvents = sharedIn(3)

function sharedIn(field: number): (attributes: Attributes) => Uint8Array {
  const known = new WeakMap<Attributes, Uint8Array>()
  const apart = new ProtobufWriter()
  return (attributes) => {
    let bytes = known.get(attributes)
    if (bytes === undefined) {
      bytes = apart.message(attributes, (to, all) => writeAttributes(to, field, all)).slice()
      known.set(attributes, bytes)
    }
    return bytes
  }
}

function writeLink(to: To, { context, attributes }: Link): void {
  to.hex(1, context.traceId)
  to.hex(2, context.spanId)
  if (attributes) writeAttributes(to, 4, attributes)
  to.fixed32(6, context.traceFlags | HAS_REMOTE | (context.isRemote ? IS_REMOTE : 0))
}

/** Its message may quote what somebody sent: there is none. */
const writeStatus = (to: To, { code }: SpanStatus): void => to.integer(3, code)

function writeAttributes(to: To, field: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key]
    if (typeof value === 'string' && to.pair(field, key, value)) continue
    if (value !== undefined && value !== null) to.within(field, { key, value }, writeAttribute)
  }
}

function writeAttribute(to: To, { key, value }: { readonly key: string; readonly value: unknown }): void {
  to.word(1, key)
  to.within(2, value, writeValue)
}

/** AnyValue. */
function writeValue(to: To, value: unknown): void {
  if (typeof value === 'string') to.text(1, value)
  else if (typeof value === 'boolean') to.integer(2, value ? 1 : 0)
  else if (typeof value === 'number') Number.isSafeInteger(value) ? to.integer(3, value) : to.double(4, value)
  else if (Array.isArray(value)) to.within(5, value, writeList)
}

function writeList(to: To, values: readonly unknown[]): void {
  for (const value of values) to.within(1, value, writeValue)
}
