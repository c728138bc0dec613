import { gateOf, isBefore } from '../plan/gate.ts'
import { SHARE_TOTAL } from '../plan/plan.ts'

/**
 * Users that are kept out of the flags which name the holdout: `share` in 1/100,000 by the attribute `by`. `until`: the unix second at which
 * it ends. Its salt is its own, so its users are independent of those of rollouts and groups.
 */
export type Holdout = { readonly by: string; readonly salt: string; readonly share: number; readonly until?: number }

/** The rule that is true for the users of a holdout. */
export function holdoutRule({ by, salt, share, until }: Holdout): object {
  const gate = gateOf({ by, salt }, { slope: 0, base: share, total: SHARE_TOTAL })
  return until === undefined ? gate : { and: [isBefore(until), gate] }
}
