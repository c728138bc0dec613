import { checkRule } from '../check/rule.ts'
import type { JsonRecord } from '../definition.ts'
import { type Mistake, shorten } from '../error.ts'
import { checkShares } from './check-shares.ts'
import { compilePlan } from './compile-plan.ts'
import { PARTS, type PlanScope } from './parts.ts'
import { type Arm, type Plan, type Rollout, rolloutOf, type Serve, secondOf } from './plan.ts'

/**
 * Finds mistakes in a plan that was read: variants that do not exist, rules with mistakes, arms out of order, users that would leave a rollout.
 * Pointers name places in the plan as it was written.
 */
export function checkPlan(plan: Plan, scope: PlanScope): Mistake[] {
  const checker = new PlanChecker(scope)
  const mistakes = [
    ...checker.checkRule(plan.rule, `${scope.pointer}/rule`),
    ...checker.checkTimeline(plan.timeline ?? [], `${scope.pointer}/timeline`),
    ...PARTS.flatMap((part) => part.check(plan, scope)),
  ]
  if (mistakes.length > 0) return mistakes
  // Limits apply to the rule as a whole.
  const compiled = checker.checkRule(compilePlan(plan), scope.pointer)
  return compiled.map(({ message }) => ({ pointer: scope.pointer, message: `Compiled rule: ${message}` }))
}

class PlanChecker {
  readonly #scope: PlanScope

  constructor(scope: PlanScope) {
    this.#scope = scope
  }

  checkRule(rule: JsonRecord | null | undefined, pointer: string): Mistake[] {
    if (rule === undefined || rule === null || Object.keys(rule).length === 0) return []
    return checkRule(rule, this.#scope.segments, pointer)
  }

  checkTimeline(timeline: readonly Arm[], pointer: string): Mistake[] {
    return timeline.flatMap((arm, index) => {
      const place = `${pointer}/${index}`
      const before = timeline[index - 1]
      const order =
        before && secondOf(arm.at) <= secondOf(before.at)
          ? [
              {
                pointer: `${place}/at`,
                message: `Arm is at ${secondOf(arm.at)}, not after the one before it, at ${secondOf(before.at)}`,
              },
            ]
          : []
      const found = [...order, ...this.#checkArm(arm, place)]
      return found.length > 0 ? found : checkShares(arm, before, place)
    })
  }

  #checkArm(arm: Arm, pointer: string): Mistake[] {
    if ('serve' in arm) return this.#checkServe(arm.serve, `${pointer}/serve`)
    const rollout = rolloutOf(arm)
    const mistakes = rollout
      ? this.#checkRollout(rollout, 'paused' in arm ? `${pointer}/paused/of` : `${pointer}/rollout`)
      : []
    if (!('paused' in arm)) return mistakes
    const { later = [] } = arm.paused
    const place = `${pointer}/paused/later`
    const others = later.flatMap((next, index) =>
      'rollout' in next ? [] : [{ pointer: `${place}/${index}`, message: 'Arm that waits is no rollout' }],
    )
    return [...mistakes, ...others, ...(others.length === 0 ? this.checkTimeline(later, place) : [])]
  }

  #checkRollout({ to, from }: Rollout, pointer: string): Mistake[] {
    return [...this.#checkServe(to, `${pointer}/to`), ...this.#checkServe(from, `${pointer}/from`)]
  }

  #checkServe(serve: Serve, pointer: string): Mistake[] {
    if ('rule' in serve) return this.checkRule(serve.rule, `${pointer}/rule`)
    if (!('variant' in serve) || Object.hasOwn(this.#scope.variants, serve.variant)) return []
    const message = `${shorten(serve.variant)} is no variant of the flag: add the variant first, then plan it`
    return [{ pointer: `${pointer}/variant`, message }]
  }
}
