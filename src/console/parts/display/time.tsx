const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' })
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' })

/** A time as "3 hours ago", with the exact one and its zone as a tooltip. `at` is an ISO 8601 text. */
export function Time({ at, now = Date.now() }: { readonly at: string; readonly now?: number }) {
  const time = new Date(at)
  return (
    <time dateTime={at} title={EXACT.format(time)}>
      {relative(time.getTime(), now)}
    </time>
  )
}

/** `time` seen from `now`, both in milliseconds since 1970: "just now", "5 minutes ago", "in 2 days". */
function relative(time: number, now: number): string {
  const seconds = (time - now) / 1_000
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? []
  if (unit === undefined || length === undefined) return Math.abs(seconds) < 10 ? 'just now' : secondsAgo(seconds)
  return RELATIVE.format(Math.round(seconds / length), unit)
}

const secondsAgo = (seconds: number): string => RELATIVE.format(Math.round(seconds), 'second')
