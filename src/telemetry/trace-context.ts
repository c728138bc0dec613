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
