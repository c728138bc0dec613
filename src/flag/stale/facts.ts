import type { PossibleAnswers } from './answers.ts'
import type { FlagKind } from './thresholds.ts'

export const DAY_MS = 86_400_000

/** What is known of one flag. Times are milliseconds since 1970; null: never. */
export type StaleFacts = {
  readonly key: string
  readonly createdAt: number
  readonly isPermanent: boolean
  readonly kind: FlagKind
  readonly expiresAt: number | null
  readonly dismissedUntil: number | null
  /** The environments that define the flag. */
  readonly environments: readonly FlagEnvironmentFacts[]
  /** Keys of flags that need this one. */
  readonly neededBy: readonly string[]
  /** What the newest scans of code found; undefined: no code was scanned. */
  readonly code: { readonly checkedAt: number; readonly references: number } | undefined
}

/** What is known of a flag in an environment that defines it. */
export type FlagEnvironmentFacts = {
  readonly environment: string
  readonly answers: PossibleAnswers
  /** Whether one of the answers, if it is the only one, is the value `true`. */
  readonly isOn: boolean
  /** When the definition was last changed. */
  readonly changedAt: number
  readonly lastEvaluatedAt: number | null
  /** The variants that were served within the threshold of one answer; '' is the default in the application's code. */
  readonly recentVariants: readonly string[]
  /** When a variant that was not served lately was last served; null: there is none. */
  readonly otherVariantsAt: number | null
  /** Whether the flag is part of a mutual exclusion group or a holdout. */
  readonly isGrouped: boolean
}

/** What is known of an environment. */
export type EnvironmentFacts = {
  readonly key: string
  /** Whether anything was evaluated or synchronised there within the threshold of one answer. */
  readonly isInUse: boolean
  /** When the flag set was last served to a provider that evaluates in process. */
  readonly lastSyncAt: number | null
  /** User agents of these providers. */
  readonly syncAgents: readonly string[]
}
