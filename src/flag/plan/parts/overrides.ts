import { type Mistake, shorten } from '../../error.ts'
import { isBefore } from '../gate.ts'
import { MOMENT_MAX, MOMENT_MIN, OVERRIDES_MAX, type Override, type Plan } from '../plan.ts'
import { collect, isName, isObjectOf, isShortList, type Report } from './reading.ts'

type Scope = { readonly variants: Readonly<Record<string, unknown>>; readonly pointer: string }

const TARGETING_KEY = { var: 'targetingKey' }

/** Variants of single users, before every other rule. */
export const overrides = {
  members: ['overrides'],
  check: (plan: Plan, { variants, pointer }: Scope): Mistake[] =>
    collect(pointer, (report) => {
      const { overrides } = plan as { overrides?: unknown }
      const place = { report, steps: ['overrides'], what: 'Overrides' }
      if (overrides === undefined || !isShortList(overrides, OVERRIDES_MAX, place)) return
      const seen = new Set<unknown>()
      for (const [index, override] of overrides.entries()) {
        const key = checkOverride(override, { steps: ['overrides', index], variants, report })
        if (key !== undefined && seen.has(key))
          report(['overrides', index, 'targetingKey'], `User ${shorten(key)} has an override already`)
        seen.add(key)
      }
    }),
  surround: (rule: unknown, { overrides = [] }: Plan): unknown => {
    if (overrides.length === 0) return rule
    const groups = Map.groupBy(overrides, ({ variant, until }) => JSON.stringify([variant, until]))
    const branches = [...groups.values()].flatMap((users) => branchOf(users))
    return { if: [...branches, rule] }
  },
} as const

/** A condition and a variant for users that have the same one until the same second. A missing targeting key is in no list. */
function branchOf(users: readonly Override[]): unknown[] {
  const [first] = users
  if (first === undefined) return []
  const isListed = { in: [TARGETING_KEY, users.map(({ targetingKey }) => targetingKey)] }
  const timely = first.until === undefined ? [] : [isBefore(first.until)]
  return [{ and: [...timely, TARGETING_KEY, isListed] }, first.variant]
}

type OverridePlace = {
  readonly steps: readonly (string | number)[]
  readonly variants: Scope['variants']
  readonly report: Report
}

/** The targeting key of an override; undefined if it has none. */
function checkOverride(override: unknown, { steps, variants, report }: OverridePlace): string | undefined {
  const place = { report, steps, what: 'Override' }
  if (!isObjectOf(override, ['targetingKey', 'variant', 'until'], place)) return undefined
  const { targetingKey, variant, until } = override
  if (typeof variant !== 'string' || !Object.hasOwn(variants, variant))
    report([...steps, 'variant'], `${shorten(variant)} is no variant of the flag`)
  const isSecond = Number.isSafeInteger(until) && Number(until) >= MOMENT_MIN && Number(until) <= MOMENT_MAX
  if (until !== undefined && !isSecond)
    report([...steps, 'until'], `Time is ${shorten(until)}, not a unix second: is it in milliseconds?`)
  if (isName(targetingKey)) return targetingKey
  report([...steps, 'targetingKey'], `Targeting key is ${shorten(targetingKey)}, not a text`)
  return undefined
}
