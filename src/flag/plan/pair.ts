import { type Definition, isRecord, type JsonRecord, type SegmentRules } from '../definition.ts'
import { expandRule } from '../document.ts'
import { FlagError, type Mistake } from '../error.ts'
import { compilePlan } from './compile-plan.ts'
import { PARTS } from './parts.ts'
import { type Arm, type Plan, rolloutOf, secondOf } from './plan.ts'
import { readPlan } from './read/plan.ts'

/** A moment may lie this long in the past: the time that a request takes, and clocks that differ. */
export const PAST_SECONDS_MAX = 60

/** How the plan of a definition and its rule are made one. */
export type PairSource = {
  /** The stored definition. */
  readonly before: Definition | undefined
  /** The segments that the definition is stored with. */
  readonly segments: SegmentRules
  /** JSON Pointer of the definition. */
  readonly pointer: string
  /**
   * The second of the write, for one flag that a person changes: "now" is allowed, and a new arm must not lie in the past. Undefined for
   * documents, which bring the whole history of a flag.
   */
  readonly now?: number | undefined
  readonly newSalt: () => string
}

/** The plan of a stored definition, which was read when it was written; undefined if it has none. */
export const planIn = (definition: Definition | undefined): Plan | undefined => {
  const plan = definition?.['flagstaff']
  return isRecord(plan) ? (plan as Plan) : undefined
}

/**
 * Makes the rule of a definition from its plan, which is completed. A definition without a plan stays as it is. With `flagstaff: null` the
 * plan is dropped, and the rule stays as it was compiled. A rule beside the plan must be the compiled one.
 */
export function settlePlan(
  definition: Definition,
  source: PairSource,
): { readonly definition: Definition; readonly mistakes: readonly Mistake[] } {
  if (!Object.hasOwn(definition, 'flagstaff')) return { definition, mistakes: [] }
  const { flagstaff, ...rest } = definition
  if (flagstaff === null) return { definition: withRuleOf(rest as Definition, source.before), mistakes: [] }
  const { now, newSalt, segments } = source
  const pointer = `${source.pointer}/flagstaff`
  const before = planIn(source.before)
  const { plan, mistakes } = readPlan(flagstaff, { pointer, now, newSalt, before })
  if (!plan) return { definition, mistakes }
  const { variants } = definition
  const malformed = PARTS.flatMap((part) => part.check(plan, { variants, segments: new Map(), pointer }))
  if (malformed.length > 0) return { definition, mistakes: malformed }
  const targeting = compilePlan(plan)
  const late = now === undefined ? [] : checkPast(plan, before, { now, pointer: `${pointer}/timeline` })
  const other = isOtherRule(definition.targeting, targeting, segments)
    ? [
        {
          pointer: `${source.pointer}/targeting`,
          message: 'Rule differs from what the plan compiles to; leave one of them out',
        },
      ]
    : []
  const { targeting: _, ...members } = rest
  const settled = { ...members, ...(targeting && { targeting }), flagstaff: plan } as Definition
  return { definition: settled, mistakes: [...late, ...other] }
}

function withRuleOf(definition: Definition, before: Definition | undefined): Definition {
  if (definition.targeting !== undefined || !planIn(before)) return definition
  return before?.targeting === undefined ? definition : { ...definition, targeting: before.targeting }
}

/** Whether a rule that was sent is not the compiled one. A document for flagd may have segments written out in it. */
function isOtherRule(sent: unknown, compiled: unknown, segments: SegmentRules): boolean {
  if (sent === undefined || isSameJson(sent, compiled)) return false
  if (compiled === undefined) return !(sent === null || (isRecord(sent) && Object.keys(sent).length === 0))
  const [one, other] = [sent, compiled].map((rule) => expandRule(rule, segments))
  return one === undefined || !isSameJson(one, other)
}

/** Arms that begin in the past must be stored ones: a new one would change what was never so. */
function checkPast(
  { timeline = [] }: Plan,
  before: Plan | undefined,
  { now, pointer }: { readonly now: number; readonly pointer: string },
): Mistake[] {
  const stored = (before?.timeline ?? []).map(pastOf)
  return timeline.flatMap((arm, index) => {
    const at = secondOf(arm.at)
    if (at >= now - PAST_SECONDS_MAX || stored.some((other) => isSameJson(other, pastOf(arm)))) return []
    const message = `Arm began at ${at}, in the past, and is not a stored one: use pause, resume, retreat or a new rollout`
    return [{ pointer: `${pointer}/${index}/at`, message }]
  })
}

/** What of an arm must not change once it has begun. What it serves may. */
function pastOf(arm: Arm): unknown {
  const { by, salt, shape } = rolloutOf(arm) ?? {}
  const kind = 'serve' in arm ? 'serve' : 'paused' in arm ? 'paused' : 'rollout'
  return { at: secondOf(arm.at), kind, by, salt, shape, share: 'paused' in arm ? arm.paused.share : undefined }
}

/**
 * A patched definition, as it is written: `merged` is the result of the merge. The rule of a flag with a plan is made anew. Fails with
 * `conflict` if the patch changes the rule alone.
 */
export function patchedPair(before: Definition, patch: unknown, merged: unknown): unknown {
  if (!isRecord(patch) || !isRecord(merged) || !planIn(before)) return merged
  const names = ['targeting', 'flagstaff'].filter((name) => Object.hasOwn(patch, name))
  if (names.length === 1 && names[0] === 'targeting')
    throw new FlagError(
      'conflict',
      'Cannot change the rule: it is made from the plan of the flag. Change /flagstaff/rule, or set flagstaff to null to keep the rule as it is now',
    )
  if (names.includes('targeting') || patch['flagstaff'] === null) return merged
  return withoutRule(merged)
}

/** A definition whose rule is made anew from its plan when it is written, perhaps by another version of the compiler. */
export function withoutRule<T extends JsonRecord>(definition: T): T {
  if (!isRecord(definition['flagstaff'])) return definition
  const { targeting: _, ...rest } = definition
  return rest as T
}

/** Whether two JSON values are equal; the order of members does not count. */
function isSameJson(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other
  if (Array.isArray(one) || Array.isArray(other)) return isSameList(one, other)
  if (!isRecord(one) || !isRecord(other)) return false
  const names = Object.keys(one).filter((name) => one[name] !== undefined)
  const count = Object.keys(other).filter((name) => other[name] !== undefined).length
  return (
    names.length === count && names.every((name) => Object.hasOwn(other, name) && isSameJson(one[name], other[name]))
  )
}

const isSameList = (one: unknown, other: unknown): boolean =>
  Array.isArray(one) &&
  Array.isArray(other) &&
  one.length === other.length &&
  one.every((item, index) => isSameJson(item, other[index]))
