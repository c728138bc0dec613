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
