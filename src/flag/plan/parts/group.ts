import { type Mistake, shorten } from '../../error.ts'
import { groupSegment, holdoutSegment } from '../../needs/names.ts'
import type { Plan } from '../plan.ts'
import { collect, isName, isObjectOf, isShortList } from './reading.ts'

/** Holdouts of one flag. */
const HOLDOUTS_MAX = 20

type Scope = { readonly pointer: string }

/** The plan applies to the users of one slot of a mutual exclusion group. Whether it exists is checked with the environment. */
export const group = {
  members: ['group'],
  check: (plan: Plan, { pointer }: Scope): Mistake[] =>
    collect(pointer, (report) => {
      const { group } = plan as { group?: unknown }
      const place = { report, steps: ['group'], what: 'Group' }
      if (group === undefined || !isObjectOf(group, ['name', 'slot'], place)) return
      for (const member of ['name', 'slot'])
        if (!isName(group[member])) report(['group', member], `${shorten(group[member])} is no name`)
    }),
  surround: (rule: unknown, { group, otherwise = null }: Plan): unknown =>
    group === undefined ? rule : { if: [{ '==': [{ $ref: groupSegment(group.name) }, group.slot] }, rule, otherwise] },
} as const

/** Users of a holdout are kept out of the plan. */
export const holdouts = {
  members: ['holdouts'],
  check: (plan: Plan, { pointer }: Scope): Mistake[] =>
    collect(pointer, (report) => {
      const { holdouts } = plan as { holdouts?: unknown }
      const place = { report, steps: ['holdouts'], what: 'Holdouts' }
      if (holdouts === undefined || !isShortList(holdouts, HOLDOUTS_MAX, place)) return
      for (const [index, name] of holdouts.entries())
        if (!isName(name)) report(['holdouts', index], `Holdout is ${shorten(name)}, not a name`)
    }),
  surround: (rule: unknown, { holdouts = [], otherwise = null }: Plan): unknown => {
    if (holdouts.length === 0) return rule
    const [first, ...others] = holdouts.map((name) => ({ $ref: holdoutSegment(name) }))
    return { if: [others.length === 0 ? first : { or: [first, ...others] }, otherwise, rule] }
  },
} as const
