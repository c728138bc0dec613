import type { Span } from './span.ts'
import { idsOf, type TraceContext } from './trace-context.ts'

/** In ascending order of severity. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]
export type Fields = Record<string, unknown>
/** Writes one line at a level that is fixed. */
export type LogLine = (message: string, fields?: Record<string, unknown>) => void
export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>

const CAUSES_MAX = 5
/** The text between the user and the host of a URL is a password; one that is not percent-encoded may contain an @. */
const PASSWORD = /(\/\/[^/\s:@"]*):[^/\s"]*@/g

export type LogOptions = {
  readonly level: Level
  readonly write: (line: string) => void
  readonly now: () => Date
  /** The active span, whose ids are added to each line. */
  readonly span?: () => TraceContext | undefined
}

/** Writes one JSON line per event. Never throws: a line that cannot be written as JSON is written without its fields. */
export function createLog(options: LogOptions): Log {
  const write =
    (level: Level) =>
    (message: string, fields: Fields = {}) => {
      if (LEVELS.indexOf(level) < LEVELS.indexOf(options.level)) return
      const span = options.span?.()
      const head = { time: options.now().toISOString(), level, message, ...(span && idsOf(span)) }
      const text = line(head, fields) ?? line(head, {})
      if (text !== undefined) options.write(text)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function line(head: Fields, fields: Fields): string | undefined {
  try {
    // Spread in here: a getter may throw.
    return JSON.stringify({ ...head, ...fields }, (_name, value: unknown) => plain(value)).replaceAll(
      PASSWORD,
      '$1:***@',
    )
  } catch {
    return undefined
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Error ? errorFields(value, CAUSES_MAX) : value
}

/** An error's code, stack and causes. Not its other members: a driver puts queries and their values there. */
function errorFields(error: Error, causesLeft: number): Fields {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const { cause } = error
  return {
    ...(code !== undefined && { code }),
    // The message of a failed query quotes the query with its values: log only the stack, the cause has the reason.
    stack: error.message.startsWith('Failed query') ? error.stack?.replace(error.message, 'Failed query') : error.stack,
    ...(cause instanceof Error && causesLeft > 0 && { cause: errorFields(cause, causesLeft - 1) }),
  }
}

const SPARED_MAX = 1_000

/**
 * Logs events that repeat while something is away: of those with the same message and name the first at once, and then one in
 * `everyMs`, which says how many were left out. `now` is in monotonic milliseconds.
 */
export function sparing(write: Log[Level], { everyMs, now }: { everyMs: number; now: () => number }): Log[Level] {
  const said = new Map<string, { at: number; leftOut: number }>()
  return (message, fields = {}) => {
    const key = `${message} ${fields['name']}`
    const last = said.get(key)
    if (last && now() - last.at < everyMs) {
      last.leftOut += 1
      return
    }
    if (said.size >= SPARED_MAX) said.clear()
    said.set(key, { at: now(), leftOut: 0 })
    write(message, last?.leftOut ? { ...fields, leftOut: last.leftOut } : fields)
  }
}

/** The requests of which a line is logged: none, all but evaluations and probes, or all. */
export type AccessLevel = 'none' | 'some' | 'all'
/** A finished request; without its query, which may contain tokens. */
export type Access = {
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly seconds: number
  /** The name of the API key, where it is known. */
  readonly actor?: string | undefined
  readonly span: Span | undefined
}
/** A finished RPC call; `method` is `<package>.<service>/<method>` and `code` the name of its status code. */
export type CallLogEntry = Pick<Access, 'method' | 'seconds' | 'span'> & { readonly code: string }
/** Logs a request; undefined where requests of its kind are not logged. */
export type AccessLog = ((access: Access) => void) | undefined
/** By kind of request; `calls` are those over RPC. */
export type AccessLogs = {
  readonly evaluations: AccessLog
  readonly probes: AccessLog
  readonly others: AccessLog
  readonly calls: ((call: CallLogEntry) => void) | undefined
}

/** Lines of the access log. `log` is the log itself. */
export function accessLogs(
  level: AccessLevel,
  log: (message: string, fields: Record<string, unknown>) => void,
): AccessLogs {
  const write = ({ span, seconds, ...access }: Access | CallLogEntry) =>
    log('Request', { ...access, ms: Math.round(seconds * 1e6) / 1e3, ...(span && idsOf(span)) })
  const few = level === 'all' ? write : undefined
  return { evaluations: few, probes: few, calls: few, others: level === 'none' ? undefined : write }
}

const STDOUT = 1
const writeNow = (bytes: Uint8Array): number => process.getBuiltinModule('node:fs').writeSync(STDOUT, bytes)
const waitingOutput = (): NodeJS.WritableStream => process.stdout

/** Writes lines to stdout at once. Whoever reads may leave, as "| head" does: then what is written is lost, and the service goes on. */
export const openOutput = (): ((line: string) => void) => ('Bun' in globalThis ? writeOnBun : outputOnNode())

/** Bun's console writes by itself what it is given, waits for a slow reader, and needs no node:fs, which is half a MB, nor `process.stdout`, which is 10 ms. */
// biome-ignore lint/suspicious/noConsole: this is where the service says what it says
const writeOnBun = (line: string): void => console.log(line)

/**
 * Writes at once, as Node does for pipes and files, but without `process.stdout`. Only a reader that is slow, on a pipe that does not block,
 * makes what follows go that way, and wait there.
 */
export function outputOnNode(now = writeNow, later = waitingOutput): (line: string) => void {
  let waiting: NodeJS.WritableStream | undefined
  return (line) => {
    if (waiting) return void waiting.write(`${line}\n`)
    let rest = Buffer.from(`${line}\n`)
    try {
      while (rest.byteLength > 0) rest = rest.subarray(now(rest))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
      waiting = later().on('error', () => undefined)
      waiting.write(rest)
    }
  }
}
