import type { Mistake } from '../error.ts'
import type { Segments } from '../rules/rule.ts'
import { group, holdouts } from './parts/group.ts'
import { needs } from './parts/needs.ts'
import { overrides } from './parts/overrides.ts'
import type { Plan } from './plan.ts'

/** What the parts of a plan are checked against. */
export type PlanScope = {
  readonly variants: Readonly<Record<string, unknown>>
  readonly segments: Segments
  /** JSON Pointer of the plan. */
  readonly pointer: string
}

/** A member of a plan that puts conditions around the rule of the timeline. */
export type PlanPart = {
  /** The members of the plan that belong to it. */
  readonly members: readonly (keyof Plan)[]
  /** Finds mistakes in the shape and content of the members. */
  readonly check: (plan: Plan, scope: PlanScope) => Mistake[]
  /** `rule` with the conditions around it; the same if the plan has none of the members. */
  readonly surround: (rule: unknown, plan: Plan) => unknown
}

/** The innermost part first: group and holdouts, then needs, then overrides. A member of no part is unknown. */
export const PARTS: readonly PlanPart[] = [group, holdouts, needs, overrides]
