import { useEffect, useState } from 'preact/hooks'
import { type PlanMoment, secondOf } from '../../../../flag/plan/plan.ts'

const DAY = { weekday: 'short', day: 'numeric', month: 'short' } as const
const CLOCK = { hour: '2-digit', minute: '2-digit' } as const

/** The time zone of the browser. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone

/** A moment on the clock of the browser: `Sat, 5 Dec, 17:30`; the year where it is not that of `now` (unix seconds). */
export function sayMoment(moment: PlanMoment, now: number, timeZone = HERE): string {
  const date = new Date(secondOf(moment) * 1_000)
  const isThisYear = date.getFullYear() === new Date(now * 1_000).getFullYear()
  const format = { ...DAY, ...CLOCK, ...(!isThisYear && { year: 'numeric' as const }), timeZone }
  return new Intl.DateTimeFormat('en-GB', format).format(date)
}

/** What a moment is in the zone it was written in, if that is another one: `09:00 in Asia/Tokyo`. */
export function sayOtherZone(moment: PlanMoment): string | undefined {
  if (typeof moment === 'number' || moment.zone === HERE) return undefined
  const clock = new Intl.DateTimeFormat('en-GB', { ...CLOCK, timeZone: moment.zone })
  return `${clock.format(new Date(moment.utc * 1_000))} in ${moment.zone}`
}

const TICK_MS = 1_000

/** The present unix second; while `isTicking`, anew each second. */
export function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(secondNow)
  useEffect(() => {
    setNow(secondNow())
    if (!isTicking) return
    const timer = setInterval(() => setNow(secondNow()), TICK_MS)
    return () => clearInterval(timer)
  }, [isTicking])
  return now
}

export const secondNow = (): number => Math.floor(Date.now() / 1_000)
