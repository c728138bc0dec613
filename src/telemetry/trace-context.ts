/** A span somewhere, as W3C Trace Context names it (https://www.w3.org/TR/trace-context/). Ids are lower-case hex of 32 and 16 digits. */
export type TraceContext = {
  readonly traceId: string
  readonly spanId: string
  /** Whether whoever made the span keeps it. */
  readonly isSampled: boolean
  /** `tracestate` as it came. */
  readonly state?: string | undefined
}

/** Headers or metadata; names are in lower case. */
/** Reads one header of a request; names are in lower case. */
export type Header = { get(name: string): string | null }

/** Version, trace id, parent id, flags; later versions may say more. */
const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]([\da-f])(-.*)?$/
const SAMPLED = 1
/** What a vendor should at least pass on; a longer list is nobody's. */
const STATE_LENGTH_MAX = 512

/** Reads `traceparent`; undefined for none, or for what is none. */
export function parseTraceparent(text: string | null | undefined): TraceContext | undefined {
  if (!text) return undefined
  const [, version, traceId, spanId, flags = '', more] = TRACEPARENT.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || (version === '00' && more !== undefined)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED }
}

/** The caller's span, with its `tracestate`; undefined when it names none. */
export function contextIn(header: Header): TraceContext | undefined {
  const context = parseTraceparent(header.get('traceparent'))
  const state = context && header.get('tracestate')
  return state && state.length <= STATE_LENGTH_MAX ? { ...context, state } : context
}

/** Writes `traceparent`. */
export const formatTraceparent = ({ traceId, spanId, isSampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`

/** How a line of the log names a span. */
export const idsOf = ({ traceId, spanId }: TraceContext): { traceId: string; spanId: string } => ({ traceId, spanId })

const WORD = 2 ** 32
/** One id is written here at a time: an encoder that needs no strings on the way takes a fifth of the time. */
const bytes = Buffer.alloc(16)

/** 32 hex digits. The last 16 say where in 0 up to 1 the trace lies, by which every sampler of one ratio decides alike. */
export function traceIdAt(share: number): string {
  const place = share * WORD
  bytes.writeUInt32BE(anyWord(), 0)
  bytes.writeUInt32BE(anyWord(), 4)
  bytes.writeUInt32BE(place >>> 0, 8)
  bytes.writeUInt32BE(((place % 1) * WORD) >>> 0 || 1, 12)
  return bytes.toString('hex')
}

/** Where in 0 up to 1 a trace lies: OpenTelemetry's samplers for Go and Java read it from the same half. */
export const shareOf = (traceId: string): number => Number.parseInt(traceId.slice(16, 29), 16) / 2 ** 52

/** 16 hex digits, of which not all are 0. */
export function newSpanId(): string {
  bytes.writeUInt32BE(anyWord(), 0)
  bytes.writeUInt32BE(anyWord() || 1, 4)
  return bytes.toString('hex', 0, 8)
}

const anyWord = (): number => (Math.random() * WORD) >>> 0

/** Which traces are kept, as `OTEL_TRACES_SAMPLER` says it. */
export type Sampling = {
  /** From 0, none, to 1, all: of the traces that begin here, and of all others too unless their caller decides. */
  readonly ratio: number
  /** Whether the caller's decision holds for the caller's traces ("parentbased_…"). */
  readonly followsParent: boolean
}

/** Decides about a span that comes from outside or begins a trace: its trace id, or undefined when nothing is kept of it. */
export function sampledTraceId(
  { ratio, followsParent }: Sampling,
  parent: TraceContext | undefined,
): string | undefined {
  if (!parent) {
    const share = Math.random()
    return share < ratio ? traceIdAt(share) : undefined
  }
  const isSampled = followsParent ? parent.isSampled : shareOf(parent.traceId) < ratio
  return isSampled ? parent.traceId : undefined
}
