import type { Span } from './span.ts'
import { idsOf, type TraceContext } from './trace-context.ts'

/** By ascending severity. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]
export type LogFields = Record<string, unknown>
/** Writes one line at a fixed level. */
export type LogLine = (message: string, fields?: LogFields) => void
export type Log = Readonly<Record<Level, LogLine>>

const CAUSES_MAX = 5
/** The text between the user and the host of a URL is a password; one that is not percent-encoded may contain an @. */
const PASSWORD = /(\/\/[^/\s:@"]*):[^/\s"]*@/g
/**
 * Characters that JSON leaves as they are and a terminal or a viewer obeys: C1 controls (U+009B begins a command like ESC [), line and
 * paragraph separators, and marks that reverse the direction of text. Paths of requests may contain them.
 */
const CONTROLS = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

export type LogOptions = {
  readonly level: Level
  readonly write: (line: string) => void
  readonly now: () => Date
  /** The active span; its ids are added to each line. */
  readonly span?: () => TraceContext | undefined
}

/** Writes one JSON line per event. Never throws: a line whose fields cannot be serialized is written without them. */
export function createLog(options: LogOptions): Log {
  const write =
    (level: Level): LogLine =>
    (message, fields = {}) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return
      const span = options.span?.()
      const head = { time: options.now().toISOString(), level, message, ...(span && idsOf(span)) }
      const text = serialize(head, fields) ?? serialize(head, {})
      if (text !== undefined) options.write(text)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function serialize(head: LogFields, fields: LogFields): string | undefined {
  try {
    // The fields are spread here, because a getter may throw.
    const text = JSON.stringify({ ...head, ...fields }, (_name, value: unknown) => serializable(value))
    return text.replaceAll(PASSWORD, '$1:***@').replaceAll(CONTROLS, escaped)
  } catch {
    return undefined
  }
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

function serializable(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Error ? errorFields(value, CAUSES_MAX) : value
}

/** Code, stack and causes of an error. Not its other properties: a driver stores queries and their values there. */
function errorFields(error: Error, causesLeft: number): LogFields {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const { cause } = error
  return {
    ...(code !== undefined && { code }),
    // The message of a failed query quotes the query and its values; the reason is in the cause.
    stack: error.message.startsWith('Failed query') ? error.stack?.replace(error.message, 'Failed query') : error.stack,
    ...(cause instanceof Error && causesLeft > 0 && { cause: errorFields(cause, causesLeft - 1) }),
  }
}

const KEYS_MAX = 1_000

/**
 * Limits events that repeat during an outage. Of events with the same message and field `name`, the first is written at once, and then one in
 * `everyMs` with the number of suppressed ones. `now` is in monotonic milliseconds.
 */
export function rateLimited(write: LogLine, { everyMs, now }: { everyMs: number; now: () => number }): LogLine {
  const written = new Map<string, { at: number; leftOut: number }>()
  return (message, fields = {}) => {
    const key = `${message} ${fields['name']}`
    const last = written.get(key)
    if (last && now() - last.at < everyMs) {
      last.leftOut += 1
      return
    }
    if (written.size >= KEYS_MAX) written.clear()
    written.set(key, { at: now(), leftOut: 0 })
    write(message, last?.leftOut ? { ...fields, leftOut: last.leftOut } : fields)
  }
}

/** Logged requests: none, all but evaluations and probes, or all. */
export const ACCESS_LEVELS = ['none', 'some', 'all'] as const
export type AccessLevel = (typeof ACCESS_LEVELS)[number]
/** A finished HTTP request. Has no query, which may contain tokens. */
type RequestLogEntry = {
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly seconds: number
  /** The name of the API key, if known. */
  readonly actor?: string | undefined
  readonly span: Span | undefined
}
/** A finished RPC call; `method` is `<package>.<service>/<method>` and `code` the name of its status code. */
export type CallLogEntry = Pick<RequestLogEntry, 'method' | 'seconds' | 'span'> & { readonly code: string }
/** Undefined where requests of a kind are not logged. */
export type AccessLog = ((entry: RequestLogEntry) => void) | undefined
/** By kind of request; `calls` are those of RPC. */
export type AccessLogs = {
  readonly evaluations: AccessLog
  readonly probes: AccessLog
  readonly others: AccessLog
  readonly calls: ((entry: CallLogEntry) => void) | undefined
}

export function accessLogs(level: AccessLevel, log: LogLine): AccessLogs {
  const write = ({ span, seconds, ...entry }: RequestLogEntry | CallLogEntry) =>
    log('Request', { ...entry, ms: Math.round(seconds * 1e6) / 1e3, ...(span && idsOf(span)) })
  const frequent = level === 'all' ? write : undefined
  return { evaluations: frequent, probes: frequent, calls: frequent, others: level === 'none' ? undefined : write }
}

const STDOUT = 1
const writeSync = (bytes: Uint8Array): number => process.getBuiltinModule('node:fs').writeSync(STDOUT, bytes)
const stdoutStream = (): NodeJS.WritableStream => process.stdout

/** Writes lines to stdout at once. After the reader has closed the pipe, as "| head" does, output is lost and the service continues. */
export const openOutput = (): ((line: string) => void) => ('Bun' in globalThis ? writeOnBun : outputOnNode())

/** Bun's console blocks for a slow reader, and loads neither node:fs (0.5 MB) nor `process.stdout` (10 ms). */
// biome-ignore lint/suspicious/noConsole: the output of the log
const writeOnBun = (line: string): void => console.log(line)

/** Writes at once, as Node does for pipes and files, without `process.stdout`; after EAGAIN, from a slow reader, through the stream. */
export function outputOnNode(write = writeSync, openStream = stdoutStream): (line: string) => void {
  let stream: NodeJS.WritableStream | undefined
  return (line) => {
    if (stream) return void stream.write(`${line}\n`)
    let rest = Buffer.from(`${line}\n`)
    try {
      while (rest.byteLength > 0) rest = rest.subarray(write(rest))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
      stream = openStream().on('error', () => undefined)
      stream.write(rest)
    }
  }
}
