import { isRecord, isText, NAME_LENGTH_MAX } from '../../definition.ts'
import { type Mistake, pointerTo, shorten } from '../../error.ts'

/** Reports what is wrong with a value at a place below `pointer`. */
export type Report = (steps: readonly (string | number)[], message: string) => void

/** Collects mistakes at places below `pointer`. */
export function collect(pointer: string, find: (report: Report) => void): Mistake[] {
  const mistakes: Mistake[] = []
  find((steps, message) => mistakes.push({ pointer: pointer + pointerTo(...steps.map(String)), message }))
  return mistakes
}

/** Whether a value is a text that can be the name of a flag, variant, slot, group or user. */
export const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && isText(value) && value.length <= NAME_LENGTH_MAX

/** Reports a value that is no list of at most `max` items. */
export function isShortList(
  value: unknown,
  max: number,
  { report, steps, what }: { report: Report; steps: readonly (string | number)[]; what: string },
): value is readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return true
  report(
    steps,
    Array.isArray(value)
      ? `${what} are ${value.length}, more than ${max}`
      : `${what} are ${shorten(value)}, not a list`,
  )
  return false
}

/** Reports members of `value` other than `known`, and a value that is no object. */
export function isObjectOf(
  value: unknown,
  known: readonly string[],
  { report, steps, what }: { report: Report; steps: readonly (string | number)[]; what: string },
): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) {
    report(steps, `${what} is ${shorten(value)}, not an object of ${known.join(', ')}`)
    return false
  }
  for (const name of Object.keys(value))
    if (!known.includes(name))
      report([...steps, name], `Unknown member ${shorten(name)}: there are ${known.join(', ')}`)
  return true
}
