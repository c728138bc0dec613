/** A local time in a zone that is no single second. */
export type LocalTimeFault =
  | { readonly kind: 'zone' }
  | { readonly kind: 'local' }
  /** The clock skips it: from local time `before` to `after`. */
  | { readonly kind: 'gap'; readonly before: string; readonly after: string }
  /** The clock shows it at each of these offsets. */
  | { readonly kind: 'fold'; readonly offsets: readonly string[] }
  /** The offset is not valid in the zone at that time. */
  | { readonly kind: 'offset'; readonly offsets: readonly string[] }

export type LocalTime = { readonly local: string; readonly zone: string; readonly offset?: string | undefined }

const LOCAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?$/
const DAY_SECONDS = 86_400
/** Days around a local time in which an offset may begin or end: a zone's clock has jumped by a whole day. */
const DAYS = [-2, -1, 0, 1, 2]

/** The unix second of a local time, by the time zone rules of the runtime (ICU). */
export function secondOfLocal({ local, zone, offset }: LocalTime): number | LocalTimeFault {
  const offsetAt = offsetsOf(zone)
  if (offsetAt === undefined) return { kind: 'zone' }
  const clock = clockSecond(local)
  if (clock === undefined) return { kind: 'local' }
  const possible = new Set(DAYS.map((day) => offsetAt(clock + day * DAY_SECONDS)))
  const found = [...possible].filter((seconds) => offsetAt(clock - seconds) === seconds).sort((one, two) => two - one)
  const [first] = found
  if (first === undefined) return gapAt(clock, offsetAt)
  const offsets = found.map(offsetText)
  if (offset !== undefined) {
    const chosen = found[offsets.indexOf(offset === 'Z' ? '+00:00' : offset)]
    return chosen === undefined ? { kind: 'offset', offsets } : clock - chosen
  }
  return found.length > 1 ? { kind: 'fold', offsets } : clock - first
}

/** The local time of a second in a zone, with the offset of that day: `2027-03-28T03:30:00+01:00`. Undefined for an unknown zone. */
export function localOf(second: number, zone: string): string | undefined {
  const offset = offsetsOf(zone)?.(second)
  return offset === undefined ? undefined : `${clockText(second + offset)}${offsetText(offset)}`
}

/** A function that gives the offset of a zone in seconds at a unix second; undefined for an unknown zone. */
function offsetsOf(zone: string): ((second: number) => number) | undefined {
  let format: Intl.DateTimeFormat
  try {
    const fields = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
    const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, ...fields, ...clock })
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
  return (second) => {
    const parts = new Map(format.formatToParts(second * 1_000).map(({ type, value }) => [type, Number(value)]))
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0
    const [year, month, day] = [part('year'), part('month'), part('day')]
    return Date.UTC(year, month - 1, day, part('hour'), part('minute'), part('second')) / 1_000 - second
  }
}

/** The seconds of a local time, as if its zone were UTC. Undefined if the calendar has no such time. */
function clockSecond(local: string): number | undefined {
  const whole = local.length === 16 ? `${local}:00` : local
  const ms = LOCAL.test(local) ? Date.parse(`${whole}Z`) : Number.NaN
  return Number.isNaN(ms) || clockText(ms / 1_000) !== whole ? undefined : ms / 1_000
}

function gapAt(clock: number, offsetAt: (second: number) => number): LocalTimeFault {
  let [before, after] = [clock - 2 * DAY_SECONDS, clock + 2 * DAY_SECONDS]
  const earlier = offsetAt(before)
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(middle) === earlier) before = middle
    else after = middle
  }
  return { kind: 'gap', before: clockText(after + earlier), after: clockText(after + offsetAt(after)) }
}

const clockText = (second: number): string => new Date(second * 1_000).toISOString().slice(0, 19)

function offsetText(seconds: number): string {
  const minutes = Math.abs(seconds) / 60
  const digits = (number: number) => String(Math.floor(number)).padStart(2, '0')
  return `${seconds < 0 ? '-' : '+'}${digits(minutes / 60)}:${digits(minutes % 60)}`
}
