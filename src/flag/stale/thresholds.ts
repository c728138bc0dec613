/** What a flag is for; decides how long it may live. */
export const FLAG_KINDS = ['release', 'experiment', 'operational', 'killSwitch', 'permission'] as const
export type FlagKind = (typeof FLAG_KINDS)[number]

/** From when on a fact about a flag counts as evidence. All in days. */
export type StaleThresholds = {
  /** A younger flag is new. */
  readonly newDays: number
  /** How long a flag must have had one answer, and an unchanged definition. */
  readonly answerDays: number
  /** How long a flag must not have been evaluated. */
  readonly unusedDays: number
  readonly untouchedDays: number
  /** References in code count if they were reported within this time. */
  readonly codeDays: number
  /** Lifetimes by kind; null: flags of this kind stay. */
  readonly lifetimeDays: Readonly<Record<FlagKind, number | null>>
  /** Keys of the environments that decide whether a flag is finished; null: all that are in use. */
  readonly environments: readonly string[] | null
}

/** Operational flags live shorter than others in Unleash (7 days); the other figures are in the range of LaunchDarkly and Flagsmith. */
export const DEFAULT_THRESHOLDS: StaleThresholds = {
  newDays: 7,
  answerDays: 14,
  unusedDays: 30,
  untouchedDays: 90,
  codeDays: 7,
  lifetimeDays: { release: 90, experiment: 90, operational: 90, killSwitch: null, permission: null },
  environments: null,
}
