import { type Doubt, type Evidence, expiryOf, findingsOf, isUnused, oneAnswerIn, unusedDoubts } from './evidence.ts'
import { DAY_MS, type EnvironmentFacts, type FlagEnvironmentFacts, type StaleFacts } from './facts.ts'
import type { StaleThresholds } from './thresholds.ts'

export const STALE_STATUSES = ['active', 'new', 'finished', 'abandoned', 'overdue', 'permanent', 'dismissed'] as const
/**
 * `finished`: it has one answer in every environment that matters. `abandoned`: it is not used. `overdue`: only its lifetime has ended.
 * `dismissed`: a person has said that it stays until a date.
 */
export type StaleStatus = (typeof STALE_STATUSES)[number]

/** Why a flag is neither finished nor abandoned although evidence says so. */
export type Hold =
  | { readonly kind: 'needed'; readonly by: readonly string[] }
  | { readonly kind: 'scheduled'; readonly environment: string; readonly at: number }
  | { readonly kind: 'grouped'; readonly environment: string }

export type StaleReport = {
  readonly status: StaleStatus
  /** Since when, in milliseconds since 1970; null where that has no date. */
  readonly since: number | null
  readonly evidence: readonly Evidence[]
  readonly unsure: readonly Doubt[]
  readonly held: readonly Hold[]
  /** The variant to keep in the code of a finished flag; null: the default in the code. */
  readonly keep?: string | null
}

/** Judges one flag at `now` (milliseconds since 1970). Archived flags are no subject. Pure. */
export function staleReport(
  flag: StaleFacts,
  environments: readonly EnvironmentFacts[],
  scope: { thresholds: StaleThresholds; now: number },
): StaleReport {
  const findings = findingsOf(flag, environments, scope)
  const held = holdsOf(flag)
  const launch = finishedIn(flag, { environments, evidence: findings.evidence, ...scope })
  const unsure = [...findings.unsure, ...(launch?.doubts ?? [])]
  const common = { evidence: findings.evidence, unsure, held }
  const rest = restingStatus(flag, scope)
  if (rest) return { ...common, ...rest }
  if (held.length === 0) {
    const abandoned = abandonedSince(flag, findings.evidence, scope)
    if (abandoned !== undefined) return { ...common, status: 'abandoned', since: abandoned }
    if (launch && launch.doubts.length === 0)
      return { ...common, status: 'finished', since: launch.since, keep: launch.variant }
  }
  const expired = findings.evidence.find(({ kind }) => kind === 'expired')
  return expired ? { ...common, status: 'overdue', since: expired.since } : { ...common, status: 'active', since: null }
}

/** Why a flag of one environment may be stale, for lists of flags. */
export type CellEvidence = 'never_evaluated' | 'not_evaluated' | 'one_answer'

/** The evidence about one environment alone, as the report has it; null if there is none, or if the flag rests. Pure. */
export function cellEvidence(
  flag: StaleFacts,
  environment: EnvironmentFacts,
  scope: { thresholds: StaleThresholds; now: number },
): CellEvidence | null {
  const [facts] = flag.environments
  if (!facts || restingStatus(flag, scope)) return null
  if (unusedDoubts(flag, [environment], scope).length > 0) return null
  if (isUnused(flag, scope)) return facts.lastEvaluatedAt === null ? 'never_evaluated' : 'not_evaluated'
  return oneAnswerIn(facts, scope) ? 'one_answer' : null
}

type Scope = { readonly thresholds: StaleThresholds; readonly now: number }

/** The status of flags that evidence does not change. */
function restingStatus(
  flag: StaleFacts,
  { thresholds, now }: Scope,
): Pick<StaleReport, 'status' | 'since'> | undefined {
  if (flag.dismissedUntil !== null && flag.dismissedUntil > now) return { status: 'dismissed', since: null }
  if (flag.isPermanent || (expiryOf(flag, thresholds) === null && flag.expiresAt === null))
    return { status: 'permanent', since: null }
  return flag.createdAt > now - thresholds.newDays * DAY_MS ? { status: 'new', since: flag.createdAt } : undefined
}

function holdsOf({ neededBy, environments }: StaleFacts): Hold[] {
  return [
    ...(neededBy.length > 0 ? [{ kind: 'needed', by: neededBy } as const] : []),
    ...environments.flatMap(({ environment, answers }): Hold[] =>
      Number.isFinite(answers.changesAt) ? [{ kind: 'scheduled', environment, at: answers.changesAt * 1_000 }] : [],
    ),
    ...environments.flatMap(({ environment, isGrouped }): Hold[] =>
      isGrouped ? [{ kind: 'grouped', environment }] : [],
    ),
  ]
}

/** Since when the flag is abandoned; undefined if it is not. Code that is gone may still run: then evaluations are counted. */
function abandonedSince(
  { createdAt, environments }: StaleFacts,
  evidence: readonly Evidence[],
  { thresholds, now }: Scope,
): number | null | undefined {
  const unused = evidence.find(({ kind }) => kind === 'unused')
  if (unused) return unused.since
  const gone = evidence.find(({ kind }) => kind === 'no-code') ?? evidence.find(({ kind }) => kind === 'orphan')
  const isRunning = environments.some(
    ({ lastEvaluatedAt }) => lastEvaluatedAt !== null && lastEvaluatedAt > now - thresholds.answerDays * DAY_MS,
  )
  return gone && !isRunning ? (gone.since ?? createdAt) : undefined
}

type Finish = { readonly since: number; readonly variant: string | null; readonly doubts: readonly Doubt[] }

/**
 * The one answer of a flag in all environments that matter, if it has one. Where it never answered anything else and that is not `true`,
 * its launch may still be ahead: 100 % of the old variant is how a rollout begins (PostHog #33895).
 */
function finishedIn(
  flag: StaleFacts,
  {
    environments,
    evidence,
    thresholds,
    now,
  }: Scope & {
    readonly environments: readonly EnvironmentFacts[]
    readonly evidence: readonly Evidence[]
  },
): Finish | undefined {
  const mattering = environmentsThatMatter(flag, environments, thresholds)
  const answers = mattering.map(({ environment }) =>
    evidence.find((one) => one.environment === environment && (one.kind === 'constant' || one.kind === 'one-answer')),
  )
  const [first] = answers
  if (!first || !answers.every((one) => one && one.variant === first.variant)) return undefined
  const since = Math.max(...answers.map((one) => one?.since ?? 0))
  if (since > now - thresholds.answerDays * DAY_MS) return undefined
  const variant = first.variant ?? null
  const isLaunched = flag.environments.some((facts) => facts.isOn || servedOther(facts, variant))
  const doubt = { kind: 'never-launched', environment: first.environment ?? '', variant } as const
  return { since, variant, doubts: isLaunched ? [] : [doubt] }
}

const servedOther = ({ recentVariants, otherVariantsAt }: FlagEnvironmentFacts, variant: string | null): boolean =>
  otherVariantsAt !== null || recentVariants.some((name) => (name || null) !== variant)

/** Those that the project names, otherwise those in use; if none is in use, all that define the flag. */
function environmentsThatMatter(
  flag: StaleFacts,
  environments: readonly EnvironmentFacts[],
  thresholds: StaleThresholds,
): readonly FlagEnvironmentFacts[] {
  const inUse = environments.filter(({ isInUse }) => isInUse).map(({ key }) => key)
  const names = new Set(thresholds.environments ?? inUse)
  const mattering = flag.environments.filter(({ environment }) => names.has(environment))
  return mattering.length > 0 || thresholds.environments ? mattering : flag.environments
}
