import { DAY_MS, type EnvironmentFacts, type FlagEnvironmentFacts, type StaleFacts } from './facts.ts'
import type { StaleThresholds } from './thresholds.ts'

/** Kinds of evidence that a flag is no longer needed. */
export const EVIDENCE_KINDS = ['one-answer', 'constant', 'unused', 'expired', 'untouched', 'no-code', 'orphan'] as const
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number]

/** One fact, since `since` (milliseconds since 1970; null: unknown). `variant` null: the default in the application's code. */
export type Evidence = {
  readonly kind: EvidenceKind
  readonly since: number | null
  readonly environment?: string
  readonly variant?: string | null
}

/** Why a conclusion is not drawn. `synced`: evaluations in process are not seen. `never-launched`: the flag never answered anything else. */
export type Doubt =
  | {
      readonly kind: 'synced'
      readonly environment: string
      readonly lastSyncAt: number
      readonly by: readonly string[]
    }
  | { readonly kind: 'never-launched'; readonly environment: string; readonly variant: string | null }

export type StaleFindings = { readonly evidence: readonly Evidence[]; readonly unsure: readonly Doubt[] }

/** All evidence about one flag at `now` (milliseconds since 1970). Pure: the list and the matrix call it. */
export function findingsOf(
  flag: StaleFacts,
  environments: readonly EnvironmentFacts[],
  { thresholds, now }: { thresholds: StaleThresholds; now: number },
): StaleFindings {
  const scope = { thresholds, now }
  const evidence: Evidence[] = []
  const unsure: Doubt[] = []
  for (const facts of flag.environments) {
    const environment = environments.find(({ key }) => key === facts.environment)
    evidence.push(...constantIn(facts, scope))
    const synced = environment && syncedDoubt(environment, now - thresholds.answerDays * DAY_MS)
    if (synced && oneAnswerIn(facts, scope)) unsure.push(synced)
    else evidence.push(...oneAnswer(facts, scope))
  }
  const unused = isUnused(flag, scope)
  const doubts = unused ? unusedDoubts(flag, environments, scope) : []
  if (unused && doubts.length === 0) evidence.push({ kind: 'unused', since: lastEvaluationOf(flag) ?? flag.createdAt })
  const known = new Set(unsure.map((doubt) => doubt.environment))
  unsure.push(...doubts.filter((doubt) => !known.has(doubt.environment)))
  evidence.push(...otherEvidence(flag, scope))
  return { evidence, unsure }
}

type Scope = { readonly thresholds: StaleThresholds; readonly now: number }

function constantIn({ environment, answers, changedAt }: FlagEnvironmentFacts, { now }: Scope): Evidence[] {
  const [variant, ...others] = answers.variants ?? []
  if (variant === undefined || others.length > 0) return []
  const since = Math.max(changedAt, Math.min(now, answers.changedAt * 1_000))
  return [{ kind: 'constant', environment, variant, since }]
}

/** The only variant that was served lately, from when on; undefined if there were others, or none, or the definition is younger. */
export function oneAnswerIn(
  { changedAt, recentVariants, otherVariantsAt, answers }: FlagEnvironmentFacts,
  { thresholds, now }: Scope,
): { readonly variant: string | null; readonly since: number } | undefined {
  const [variant, ...others] = recentVariants
  const isAhead = Number.isFinite(answers.changesAt)
  if (variant === undefined || others.length > 0 || isAhead) return undefined
  if (changedAt > now - thresholds.answerDays * DAY_MS) return undefined
  return { variant: variant === '' ? null : variant, since: Math.max(changedAt, otherVariantsAt ?? 0) }
}

function oneAnswer(facts: FlagEnvironmentFacts, scope: Scope): Evidence[] {
  const one = oneAnswerIn(facts, scope)
  return one ? [{ kind: 'one-answer', environment: facts.environment, ...one }] : []
}

/** Whether no evaluation of the flag was counted for the time of the threshold, anywhere. */
export function isUnused(flag: Pick<StaleFacts, 'createdAt' | 'environments'>, { thresholds, now }: Scope): boolean {
  const before = now - thresholds.unusedDays * DAY_MS
  return flag.createdAt < before && (lastEvaluationOf(flag) ?? 0) < before && flag.environments.length > 0
}

const lastEvaluationOf = ({ environments }: Pick<StaleFacts, 'environments'>): number | null =>
  environments.reduce<number | null>(
    (last, { lastEvaluatedAt }) => (lastEvaluatedAt === null ? last : Math.max(last ?? 0, lastEvaluatedAt)),
    null,
  )

/** The environments of the flag whose clients may evaluate in process. */
export function unusedDoubts(
  flag: Pick<StaleFacts, 'environments'>,
  environments: readonly EnvironmentFacts[],
  { thresholds, now }: Scope,
): Doubt[] {
  const defining = new Set(flag.environments.map(({ environment }) => environment))
  return environments
    .filter(({ key }) => defining.has(key))
    .flatMap((environment) => syncedDoubt(environment, now - thresholds.unusedDays * DAY_MS) ?? [])
}

function syncedDoubt({ key, lastSyncAt, syncAgents }: EnvironmentFacts, from: number): Doubt | undefined {
  if (lastSyncAt === null || lastSyncAt < from) return undefined
  return { kind: 'synced', environment: key, lastSyncAt, by: syncAgents }
}

function otherEvidence(flag: StaleFacts, { thresholds, now }: Scope): Evidence[] {
  const evidence: Evidence[] = []
  const expiry = expiryOf(flag, thresholds)
  if (expiry !== null && expiry <= now) evidence.push({ kind: 'expired', since: expiry })
  const touchedAt = Math.max(flag.createdAt, ...flag.environments.map(({ changedAt }) => changedAt))
  if (touchedAt < now - thresholds.untouchedDays * DAY_MS) evidence.push({ kind: 'untouched', since: touchedAt })
  if (flag.code && flag.code.references === 0 && flag.code.checkedAt >= now - thresholds.codeDays * DAY_MS)
    evidence.push({ kind: 'no-code', since: flag.code.checkedAt })
  if (flag.environments.length === 0) evidence.push({ kind: 'orphan', since: null })
  return evidence
}

/** When the lifetime of a flag ends; null: never. A date of the flag itself comes before that of its kind. */
export function expiryOf(
  { isPermanent, expiresAt, createdAt, kind }: Pick<StaleFacts, 'isPermanent' | 'expiresAt' | 'createdAt' | 'kind'>,
  { lifetimeDays }: StaleThresholds,
): number | null {
  if (isPermanent) return null
  if (expiresAt !== null) return expiresAt
  const days = lifetimeDays[kind]
  return days === null ? null : createdAt + days * DAY_MS
}
