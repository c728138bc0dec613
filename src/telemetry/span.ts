import type {
  Span as ApiSpan,
  Attributes,
  AttributeValue,
  Exception,
  Link,
  SpanContext,
  SpanKind,
  SpanStatus,
} from '@opentelemetry/api'
import { formatTraceparent, newSpanId, type TraceContext } from './trace-context.ts'

export type { Attributes }

type SpanEvent = { readonly name: string; readonly at: number; readonly attributes: Attributes }

/** The values of SpanKind, whose package is loaded later. */
export const INTERNAL: SpanKind = 0
export const SERVER: SpanKind = 1
export const CLIENT: SpanKind = 2
const SAMPLED = 1
const ERROR = 2
/** OpenTelemetry's own limit. */
const EVENTS_MAX = 128

export type SpanOptions = {
  readonly name: string
  readonly kind: SpanKind
  readonly traceId: string
  readonly parent: TraceContext | undefined
  readonly attributes?: Attributes | undefined
  /** Milliseconds since 1970, with fractions. */
  readonly now: () => number
  readonly onEnd: (span: Span) => void
}

/** A sampled span. Implements OpenTelemetry's interface without its SDK, which is loaded later or never. */
export class Span implements ApiSpan, TraceContext {
  readonly kind: SpanKind
  readonly traceId: string
  readonly spanId = newSpanId()
  readonly isSampled = true
  readonly parent: TraceContext | undefined
  readonly attributes: Attributes
  readonly events: SpanEvent[] = []
  readonly links: Link[] = []
  readonly startedAt: number
  endedAt: number | undefined
  /** Events above the limit. */
  droppedEvents = 0
  name: string
  status: SpanStatus | undefined
  readonly #options: SpanOptions

  constructor(options: SpanOptions) {
    const { name, kind, traceId, parent, attributes } = options
    this.#options = options
    this.name = name
    this.kind = kind
    this.traceId = traceId
    this.parent = parent
    this.attributes = attributes ?? {}
    this.startedAt = options.now()
  }

  get state(): string | undefined {
    return this.parent?.state
  }

  /** `traceparent` for outgoing requests. */
  get traceparent(): string {
    return formatTraceparent(this)
  }

  spanContext(): SpanContext {
    return { traceId: this.traceId, spanId: this.spanId, traceFlags: SAMPLED }
  }

  setAttribute(key: string, value: AttributeValue): this {
    this.attributes[key] = value
    return this
  }

  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes)
    return this
  }

  addEvent(name: string, attributes?: unknown): this {
    const event = { name, at: this.#options.now(), attributes: isAttributes(attributes) ? attributes : {} }
    if (this.events.length < EVENTS_MAX) this.events.push(event)
    else this.droppedEvents += 1
    return this
  }

  addLink(link: Link): this {
    this.links.push(link)
    return this
  }

  addLinks(links: Link[]): this {
    this.links.push(...links)
    return this
  }

  setStatus(status: SpanStatus): this {
    this.status = status
    return this
  }

  /** Sets the error status. `type` is from a closed set. */
  fail(type: string): this {
    this.attributes['error.type'] = type
    return this.setStatus({ code: ERROR })
  }

  updateName(name: string): this {
    this.name = name
    return this
  }

  /** Records only the type: the text of an error may quote input. */
  recordException(exception: Exception): void {
    const type = exception instanceof Error ? exception.name : 'Error'
    this.addEvent('exception', { 'exception.type': type })
  }

  isRecording(): boolean {
    return this.endedAt === undefined
  }

  end(): void {
    if (this.endedAt !== undefined) return
    this.endedAt = this.#options.now()
    this.#options.onEnd(this)
  }
}

const isAttributes = (value: unknown): value is Attributes =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
