import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** The members of OTLP's messages that our tests read, by field number (https://opentelemetry.io/docs/specs/otlp/). */
export type Attributes = Record<string, unknown>
export type OtlpSpan = {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number
  /** Milliseconds since 1970. */
  readonly start: number
  readonly end: number
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[]
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  /** 2 is an error. */
  readonly status: number
  readonly state: string
  readonly flags: number
  readonly droppedEvents: number
}
export type OtlpRecord = {
  readonly eventName: string
  readonly traceId: string
  readonly spanId: string
  readonly at: number
  readonly attributes: Attributes
}
/** A number, or the count of a histogram. */
export type OtlpPoint = { readonly name: string; readonly attributes: Attributes; readonly value: number }

type Field = Uint8Array | bigint | number
type Message = ReadonlyMap<number, readonly Field[]>

const NESTING = { group: 1, resource: 1, scope: 2, items: 2 }

/** Reads an ExportTraceServiceRequest. */
export const spansIn = (bytes: Uint8Array): OtlpSpan[] =>
  itemsIn(bytes).map(({ service, item }) => ({
    service,
    traceId: hex(item, 1),
    spanId: hex(item, 2),
    parentSpanId: hex(item, 4),
    name: text(item, 5),
    kind: number(item, 6),
    start: ms(item, 7),
    end: ms(item, 8),
    attributes: attributesIn(item, 9),
    events: messages(item, 11).map((event) => ({ name: text(event, 2), attributes: attributesIn(event, 3) })),
    links: messages(item, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
    status: messages(item, 15).map((status) => number(status, 3))[0] ?? 0,
    state: text(item, 3),
    flags: number(item, 16),
    droppedEvents: number(item, 12),
  }))

/** Reads an ExportLogsServiceRequest. */
export const recordsIn = (bytes: Uint8Array): OtlpRecord[] =>
  itemsIn(bytes).map(({ item }) => ({
    at: ms(item, 1),
    attributes: attributesIn(item, 6),
    traceId: hex(item, 9),
    spanId: hex(item, 10),
    eventName: text(item, 12),
  }))

/** Reads an ExportMetricsServiceRequest. */
export const pointsIn = (bytes: Uint8Array): OtlpPoint[] =>
  itemsIn(bytes).flatMap(({ item }) => {
    const name = text(item, 1)
    const numbers = [...messages(item, 5), ...messages(item, 7)].flatMap((data) => messages(data, 1))
    const histograms = messages(item, 9).flatMap((data) => messages(data, 1))
    return [
      ...numbers.map((point) => ({
        name,
        attributes: attributesIn(point, 7),
        value: number(point, 4) || number(point, 6),
      })),
      ...histograms.map((point) => ({ name, attributes: attributesIn(point, 9), value: number(point, 4) })),
    ]
  })

/** The three requests have the same nesting: resources, scopes, and records. */
function itemsIn(bytes: Uint8Array): { service: string; item: Message }[] {
  const { group, resource, scope, items } = NESTING
  return messages(read(bytes), group).flatMap((each) => {
    const [about] = messages(each, resource)
    const service = about ? String(attributesIn(about, 1)['service.name']) : ''
    return messages(each, scope).flatMap((part) => messages(part, items).map((item) => ({ service, item })))
  })
}

/** Splits one message into fields. Doubles and fixed integers look the same; the caller distinguishes them. */
function read(bytes: Uint8Array): Message {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, Field[]>()
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    const known = fields.get(number) ?? []
    fields.set(number, known)
    if (type === WireType.LengthDelimited) known.push(reader.bytes())
    else if (type === WireType.Bit64) known.push(BigInt(reader.fixed64()))
    else if (type === WireType.Bit32) known.push(BigInt(reader.fixed32()))
    else if (type === WireType.Varint) known.push(BigInt(reader.uint64()))
    else reader.skip(type)
  }
  return fields
}

const messages = (message: Message, field: number): Message[] =>
  (message.get(field) ?? []).flatMap((value) => (value instanceof Uint8Array ? [read(value)] : []))

function bytesOf(message: Message, field: number): Buffer {
  const value = message.get(field)?.[0]
  return value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0)
}

const text = (message: Message, field: number): string => bytesOf(message, field).toString()
const hex = (message: Message, field: number): string => bytesOf(message, field).toString('hex')
const ms = (message: Message, field: number): number => Number(message.get(field)?.[0] ?? 0n) / 1e6

/** A varint, or a fixed field: a double if its bits look like one. */
function number(message: Message, field: number): number {
  const value = message.get(field)?.[0]
  if (typeof value !== 'bigint') return 0
  return value > 0xffff_ffff_ffffn ? (new Float64Array(new BigUint64Array([value]).buffer)[0] ?? 0) : Number(value)
}

function attributesIn(message: Message, field: number): Attributes {
  return Object.fromEntries(
    messages(message, field).map((entry) => [text(entry, 1), valueIn(messages(entry, 2)[0] ?? new Map())]),
  )
}

function valueIn(value: Message): unknown {
  if (value.has(1)) return text(value, 1)
  if (value.has(2)) return number(value, 2) === 1
  if (value.has(3)) return Number(BigInt.asIntN(64, BigInt(value.get(3)?.[0] as bigint)))
  if (value.has(5)) return messages(messages(value, 5)[0] ?? new Map(), 1).map(valueIn)
  return value.has(4) ? number(value, 4) : undefined
}
