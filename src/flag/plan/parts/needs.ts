import { type Mistake, shorten } from '../../error.ts'
import { flagSegment } from '../../needs/names.ts'
import type { Need, Plan } from '../plan.ts'
import { collect, isName, isObjectOf, isShortList, type Report } from './reading.ts'

/** Prerequisites of one flag. */
const NEEDS_MAX = 20
/** Variants that one prerequisite accepts. */
const NEED_VARIANTS_MAX = 100

type Scope = { readonly variants: Readonly<Record<string, unknown>>; readonly pointer: string }

/** Prerequisites: other flags of which this one needs a variant. Whether these exist is checked with the other flags of the environment. */
export const needs = {
  members: ['needs', 'otherwise'],
  check: (plan: Plan, { variants, pointer }: Scope): Mistake[] =>
    collect(pointer, (report) => {
      const { needs, otherwise } = plan as { needs?: unknown; otherwise?: unknown }
      if (needs !== undefined && isShortList(needs, NEEDS_MAX, { report, steps: ['needs'], what: 'Prerequisites' }))
        for (const [index, need] of needs.entries()) checkNeed(need, ['needs', index], report)
      if (otherwise === undefined || otherwise === null) return
      if (typeof otherwise !== 'string' || !Object.hasOwn(variants, otherwise))
        report(['otherwise'], `${shorten(otherwise)} is no variant of the flag`)
    }),
  surround: (rule: unknown, { needs = [], otherwise = null }: Plan): unknown => {
    if (needs.length === 0) return rule
    const [first, ...others] = needs.map(conditionOf)
    return { if: [others.length === 0 ? first : { and: [first, ...others] }, rule, otherwise] }
  },
} as const

/** The segment always gives text: with null, "in" ends flagd's evaluator in Go. */
function conditionOf({ flag, variants, not }: Need): object {
  const condition = { in: [{ $ref: flagSegment(flag) }, variants] }
  return not ? { '!': [condition] } : condition
}

function checkNeed(need: unknown, steps: readonly (string | number)[], report: Report): void {
  if (!isObjectOf(need, ['flag', 'variants', 'not'], { report, steps, what: 'Prerequisite' })) return
  const { flag, variants, not } = need
  if (!isName(flag)) report([...steps, 'flag'], `Flag is ${shorten(flag)}, not a key`)
  if (not !== undefined && not !== true) report([...steps, 'not'], `"not" is ${shorten(not)}; it is true or absent`)
  const place = [...steps, 'variants']
  if (!isShortList(variants, NEED_VARIANTS_MAX, { report, steps: place, what: 'Variants' })) return
  if (variants.length === 0) report(place, 'Prerequisite accepts no variant')
  for (const [index, variant] of variants.entries())
    if (!isName(variant)) report([...place, index], `Variant is ${shorten(variant)}, not a name`)
}
