import { isRecord, type JsonRecord, WEIGHT_SUM_MAX } from '../../definition.ts'
import { shorten } from '../../error.ts'
import { MOMENT_MAX, MOMENT_MIN, type PlanMoment, SHARE_TOTAL, type UserShare } from '../plan.ts'
import type { Reading } from './reading.ts'
import { type LocalTimeFault, secondOfLocal } from './zones.ts'

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.0+)?)?(?:Z|[+-]\d\d:\d\d)$/

/** Reads a moment: a unix second, "now", a text with offset, or a local time with its zone. */
export function readMoment(value: unknown, pointer: string, reading: Reading): PlanMoment | undefined {
  if (value === 'now' && reading.now !== undefined) return reading.now
  if (typeof value === 'number') return inRange(value, pointer, reading)
  if (typeof value === 'string') {
    const ms = RFC_3339.test(value) ? Date.parse(value) : Number.NaN
    if (!Number.isNaN(ms)) return inRange(ms / 1_000, pointer, reading)
    const wanted = reading.now === undefined ? '' : '"now", '
    return reading.fail(
      pointer,
      `Moment is ${shorten(value)}, not ${wanted}unix seconds, a time with offset in whole seconds, or {"local", "zone"}`,
    )
  }
  if (isRecord(value)) return readLocal(value, pointer, reading)
  return reading.fail(pointer, `Moment is ${shorten(value)}, not unix seconds`)
}

function inRange(second: number, pointer: string, reading: Reading): number | undefined {
  if (Number.isInteger(second) && second >= MOMENT_MIN && second < MOMENT_MAX) return second
  const hint = second >= MOMENT_MAX ? '; is it in milliseconds?' : ''
  return reading.fail(pointer, `Moment is ${second}, not a whole second in the years 2001 to 2099${hint}`)
}

function readLocal(value: JsonRecord, pointer: string, reading: Reading): PlanMoment | undefined {
  reading.onlyMembers(value, ['local', 'zone', 'utc', 'offset'], pointer)
  const { local, zone, utc, offset } = value
  if (typeof local !== 'string') return reading.fail(`${pointer}/local`, `Local time is ${shorten(local)}, not a text`)
  if (typeof zone !== 'string') return reading.fail(`${pointer}/zone`, `Time zone is ${shorten(zone)}, not a text`)
  if (offset !== undefined && typeof offset !== 'string')
    return reading.fail(`${pointer}/offset`, `Offset is ${shorten(offset)}, not a text such as "+01:00"`)
  // What was decided when the moment was saved stays, even if the rules of the zone have changed since.
  const second = typeof utc === 'number' ? utc : secondOfLocal({ local, zone, offset })
  if (typeof second !== 'object') {
    const known = inRange(second, `${pointer}/${typeof utc === 'number' ? 'utc' : 'local'}`, reading)
    return known === undefined ? undefined : { utc: known, local, zone }
  }
  return reading.fail(`${pointer}/${FAULT_PLACES[second.kind]}`, faultMessage(second, local, zone))
}

const FAULT_PLACES = { zone: 'zone', offset: 'offset', local: 'local', gap: 'local', fold: 'local' } as const

function faultMessage(fault: LocalTimeFault, local: string, zone: string): string {
  switch (fault.kind) {
    case 'zone':
      return `Unknown time zone ${shorten(zone)}`
    case 'local':
      return `Local time is ${shorten(local)}, not a time such as "2027-03-28T09:30"`
    case 'gap':
      return `${shorten(local)} does not exist in ${zone}: the clock goes from ${fault.before} to ${fault.after}`
    case 'fold':
      return `${shorten(local)} is there twice in ${zone}: add "offset", one of ${fault.offsets.join(' and ')}`
    case 'offset':
      return `${shorten(local)} in ${zone} has the offset ${fault.offsets.join(' or ')}`
  }
}

/** Reads a share: 0 to 100,000, or an exact fraction. */
export function readShare(value: unknown, pointer: string, reading: Reading): UserShare | undefined {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= SHARE_TOTAL) return value
  if (Array.isArray(value) && value.length === 2) {
    const [weight, total] = value
    const isFraction = Number.isInteger(weight) && Number.isInteger(total) && weight >= 0 && weight <= total
    if (isFraction && total > 0 && total <= WEIGHT_SUM_MAX) return [weight, total]
  }
  return reading.fail(
    pointer,
    `Share is ${shorten(value)}, not a whole number from 0 to ${SHARE_TOTAL}, which is 100 %, or [weight, total]`,
  )
}
