import type { JsonRecord } from '../definition.ts'

/**
 * What a person wrote about one flag in one environment: the member `flagstaff` of a definition. `targeting` is then always the rule that is
 * compiled from it, so evaluators read no plan. All times are whole unix seconds.
 */
export type Plan = {
  /** Version of the compiler. */
  readonly v: 1
  /** What applies before the first arm, and wherever an arm says `base`. Null or absent: the default variant. */
  readonly rule?: JsonRecord | null
  /** In ascending order of `at`. Each arm applies until the next one. */
  readonly timeline?: readonly Arm[]
  /** Prerequisites; all must hold, otherwise the flag answers `otherwise`. */
  readonly needs?: readonly Need[]
  /** A variant; null or absent: the default variant. */
  readonly otherwise?: string | null
  /** The slot of a mutual exclusion group whose users the plan applies to; to others `otherwise` applies. */
  readonly group?: { readonly name: string; readonly slot: string }
  /** The holdouts whose members get `otherwise`. */
  readonly holdouts?: readonly string[]
  /** Variants of single users, before everything else. */
  readonly overrides?: readonly Override[]
}

/** A flag whose variant, for the same context at the same second, must be one of `variants`; with `not`, none of them. */
export type Need = { readonly flag: string; readonly variants: readonly string[]; readonly not?: true }

/** The variant of one user, until a second. */
export type Override = { readonly targetingKey: string; readonly variant: string; readonly until?: number }

/** What applies from `at` until the next arm. */
export type Arm = { readonly at: PlanMoment; readonly note?: string } & ArmAction
export type ArmAction =
  | { readonly serve: Serve }
  | { readonly rollout: Rollout; readonly leave?: true }
  | { readonly paused: PausedRollout }

/** A variant, a rule, the default variant, or the plan's `rule`. */
export type Serve =
  | { readonly variant: string }
  | { readonly rule: JsonRecord }
  | { readonly default: true }
  | { readonly base: true }

/** A growing share of users gets `to`, the others `from`. The same salt, attribute and share are the same users. */
export type Rollout = {
  readonly to: Serve
  readonly from: Serve
  /** The attribute that users are distributed by. Users without it, or with one that is not text, get `from` until all get `to`. */
  readonly by: string
  readonly salt: string
  readonly shape: { readonly ramp: RampShape } | { readonly steps: readonly RolloutStep[] }
}

/** A share that changes evenly until a moment, and stays then. */
export type RampShape = {
  readonly until: PlanMoment
  readonly fromShare: UserShare
  readonly toShare: UserShare
  /**
   * The whole ramp between 0 and 100 % of which this one is a piece: its first second, and its length in seconds. Stored when a ramp continues
   * another one, so that the same users stay; otherwise computed.
   */
  readonly line?: RampLine
}
export type RampLine = { readonly at: number; readonly seconds: number }

/** From `at` the share is this one. */
export type RolloutStep = { readonly at: PlanMoment; readonly share: UserShare }

/** A rollout whose share stays as it was at the second of the arm. */
export type PausedRollout = {
  readonly share: UserShare
  readonly of: Rollout
  /** The arms that continue the rollout; they wait too. */
  readonly later?: readonly Arm[]
}

/** 1/100,000 of all users, or an exact fraction. */
export type UserShare = number | readonly [weight: number, total: number]

/** A unix second; with a local time if it was written as one. `local` is `2027-03-28T02:30`, `zone` an IANA name. */
export type PlanMoment = number | { readonly utc: number; readonly local: string; readonly zone: string }

/** The whole of a share. */
export const SHARE_TOTAL = 100_000
export const ARMS_MAX = 50
/** Of one rollout. */
export const STEPS_PER_ROLLOUT_MAX = 50
export const OVERRIDES_MAX = 1_000
export const NOTE_LENGTH_MAX = 1_000
/** 2001-01-01 and 2100-01-01. */
export const MOMENT_MIN = 978_307_200
export const MOMENT_MAX = 4_102_444_800

/** The unix second of a moment. */
export const secondOf = (moment: PlanMoment): number => (typeof moment === 'number' ? moment : moment.utc)

/** The rollout of an arm, running or paused; undefined if it has none. */
export function rolloutOf(arm: Arm | undefined): Rollout | undefined {
  if (arm === undefined) return undefined
  if ('rollout' in arm) return arm.rollout
  return 'paused' in arm ? arm.paused.of : undefined
}
