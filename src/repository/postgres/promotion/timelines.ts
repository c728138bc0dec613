import { PLAN_POINTER } from '../../../flag/compare/members.ts'
import type { MergedFlag } from '../../../flag/compare/merge-flag.ts'
import { FlagError, type Mistake, shorten } from '../../../flag/error.ts'
import { dropTimeline } from '../../../flag/plan/edit/edit.ts'
import { planIn } from '../../../flag/plan/pair.ts'
import { secondOf } from '../../../flag/plan/plan.ts'
import type { Transaction } from '../database.ts'
import { currentSecond } from '../plans/settle.ts'

export type FlagMerge = MergedFlag & { readonly flag: string }

/** `asIs`: timelines are carried; `drop`: what they serve now is carried as the rule. Undefined: nothing that is planned is carried. */
export type CarriedTimelines = 'asIs' | 'drop' | undefined

/** The members that a timeline is in. */
const TIMELINE_IN: readonly string[] = ['', PLAN_POINTER, `${PLAN_POINTER}/timeline`]

/** Carries the timelines of plans as the caller wants. Fails with `invalid` if one has arms in the future and nothing is said of them. */
export async function carryTimelines(
  tx: Transaction,
  merges: readonly FlagMerge[],
  plans: CarriedTimelines,
): Promise<readonly FlagMerge[]> {
  const isCarried = ({ next, taken }: FlagMerge) =>
    planIn(next)?.timeline !== undefined && taken.some((member) => TIMELINE_IN.includes(member))
  if (plans === 'asIs' || !merges.some(isCarried)) return merges
  const now = await currentSecond(tx)
  if (plans === undefined) {
    refusePlanned(merges.filter(isCarried), now)
    return merges
  }
  return merges.map((merge) => {
    const plan = planIn(merge.next)
    if (!plan || !merge.next || !isCarried(merge)) return merge
    return { ...merge, next: { ...merge.next, flagstaff: dropTimeline(plan, now) } }
  })
}

function refusePlanned(merges: readonly FlagMerge[], now: number): void {
  const mistakes = merges.flatMap(({ flag, next }): Mistake[] => {
    const arm = planIn(next)?.timeline?.find(({ at }) => secondOf(at) > now)
    if (arm === undefined) return []
    const at = new Date(secondOf(arm.at) * 1_000).toISOString().replace('.000', '')
    return [{ pointer: '/plans', message: `The timeline of flag ${shorten(flag)} changes what it serves at ${at}` }]
  })
  if (mistakes.length > 0)
    throw new FlagError('invalid', `Cannot promote what is planned unless plans is "asIs" or "drop"`, { mistakes })
}
