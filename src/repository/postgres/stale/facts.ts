import { sql } from 'drizzle-orm'
import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import { neededKeys } from '../../../flag/needs/prerequisites.ts'
import { planIn } from '../../../flag/plan/pair.ts'
import { own } from '../../../flag/rules/expression.ts'
import { type PossibleAnswers, possibleAnswers } from '../../../flag/stale/answers.ts'
import { DAY_MS, type EnvironmentFacts, type FlagEnvironmentFacts, type StaleFacts } from '../../../flag/stale/facts.ts'
import { DEFAULT_THRESHOLDS, type FlagKind, type StaleThresholds } from '../../../flag/stale/thresholds.ts'
import type { Database, Db } from '../database.ts'
import { selectProject } from '../projects.ts'

/** The flags of a project that are not archived, with all that is known about their use. */
export type ProjectFacts = {
  readonly thresholds: StaleThresholds
  readonly environments: readonly EnvironmentFacts[]
  readonly flags: readonly KnownFlag[]
}
export type KnownFlag = StaleFacts & { readonly id: string; readonly owner: string; readonly dismissedReason: string }

type FlagRow = {
  readonly id: string
  readonly key: string
  readonly owner: string
  readonly permanent: boolean
  readonly kind: FlagKind
  readonly expiresAt: number | null
  readonly dismissedUntil: number | null
  readonly dismissedReason: string
  readonly createdAt: number
}
type EnvironmentRow = {
  readonly id: string
  readonly key: string
  readonly segments: SegmentRules
  readonly lastSyncAt: number | null
  readonly lastUseAt: number | null
  readonly agents: readonly string[] | null
}
type DefinitionRow = {
  readonly flagId: string
  readonly environmentId: string
  readonly definition: Definition
  readonly changedAt: number
}
type VariantRow = {
  readonly flagId: string
  readonly environmentId: string
  readonly lastAt: number
  readonly recent: readonly string[] | null
  readonly othersAt: number | null
}
type CodeFacts = { readonly checkedAt: number | null; readonly references: ReadonlyMap<string, number> }

/** Milliseconds since 1970, or null. */
const millis = (instant: string) => sql.raw(`(extract(epoch from ${instant}) * 1000)::float8`)

/** The thresholds of a project, with the defaults. */
export const thresholdsOf = ({ stale }: { readonly stale: Partial<StaleThresholds> }): StaleThresholds => ({
  ...DEFAULT_THRESHOLDS,
  ...stale,
  lifetimeDays: { ...DEFAULT_THRESHOLDS.lifetimeDays, ...stale.lifetimeDays },
})

/** Reads all facts about the flags of a project, one query for each kind. `now` in milliseconds since 1970. Fails with `not_found`. */
export function readStaleFacts(database: Database, project: string, now: number): Promise<ProjectFacts> {
  return database.read(async (db) => {
    const row = await selectProject(db, project)
    const projectId = sql`${String(row.id)}::bigint`
    const thresholds = thresholdsOf(row)
    const environments = await selectEnvironmentFacts(db, projectId)
    const flags = await selectFlags(db, projectId)
    const definitions = await selectDefinitions(db, environments)
    const served = await selectServed(db, environments, new Date(now - thresholds.answerDays * DAY_MS))
    const code = await selectCode(db, projectId)
    const known = factsByFlag({ environments, definitions, served, now })
    const needs = usersOf(flags, definitions)
    return {
      thresholds,
      environments: environments.map((environment) => toEnvironment(environment, thresholds, now)),
      flags: flags.map(({ permanent, ...flag }) => ({
        ...flag,
        isPermanent: permanent,
        environments: known.get(flag.id) ?? [],
        neededBy: needs.get(flag.key) ?? [],
        code:
          code.checkedAt === null
            ? undefined
            : { checkedAt: code.checkedAt, references: code.references.get(flag.key) ?? 0 },
      })),
    }
  })
}

async function selectFlags(db: Db, projectId: ReturnType<typeof sql>): Promise<FlagRow[]> {
  const { rows } = await db.execute<FlagRow>(sql`
    select id, key, owner, permanent, kind, ${millis('expires_at')} as "expiresAt", ${millis('created_at')} as "createdAt",
      ${millis('stale_dismissed_until')} as "dismissedUntil", stale_dismissed_reason as "dismissedReason"
    from flagstaff.flags where project_id = ${projectId} and archived_at is null order by key collate "C"`)
  return rows
}

async function selectEnvironmentFacts(db: Db, projectId: ReturnType<typeof sql>): Promise<EnvironmentRow[]> {
  const { rows } = await db.execute<EnvironmentRow>(sql`
    select e.id, e.key, e.segments,
      (select ${millis('s.at')} from flagstaff.last_syncs s where s.environment_id = e.id) as "lastSyncAt",
      (select max(${millis('l.at')}) from flagstaff.last_variants l where l.environment_id = e.id) as "lastUseAt",
      (select json_agg(a.agent order by a.at desc) from flagstaff.sync_agents a where a.environment_id = e.id) as agents
    from flagstaff.environments e where e.project_id = ${projectId} order by e.position, e.key`)
  return rows
}

/** With those of archived flags: to join 20,000 rows costs more than to read some too many. */
async function selectDefinitions(db: Db, environments: readonly EnvironmentRow[]): Promise<DefinitionRow[]> {
  const { rows } = await db.execute<DefinitionRow>(sql`
    select flag_id as "flagId", environment_id as "environmentId", definition, ${millis('changed_at')} as "changedAt"
    from flagstaff.definitions where environment_id = any (${idsOf(environments)}::bigint[]) and definition is not null`)
  return rows
}

const idsOf = (environments: readonly EnvironmentRow[]): string => `{${environments.map(({ id }) => id)}}`

/** What was served of each flag: variants after `from`, and when others were last served. */
async function selectServed(db: Db, environments: readonly EnvironmentRow[], from: Date): Promise<VariantRow[]> {
  const isRecent = sql`at > ${from.toISOString()}::timestamptz`
  const { rows } = await db.execute<VariantRow>(sql`
    select flag_id as "flagId", environment_id as "environmentId", max(${millis('at')}) as "lastAt",
      json_agg(variant order by at desc) filter (where ${isRecent}) as recent,
      max(${millis('at')}) filter (where not (${isRecent})) as "othersAt"
    from flagstaff.last_variants where environment_id = any (${idsOf(environments)}::bigint[])
    group by flag_id, environment_id`)
  return rows
}

async function selectCode(db: Db, projectId: ReturnType<typeof sql>): Promise<CodeFacts> {
  const { rows: scans } = await db.execute<{ checkedAt: number | null }>(sql`
    select max(${millis('reported_at')}) as "checkedAt" from flagstaff.code_scans where project_id = ${projectId}`)
  const { rows } = await db.execute<{ flag: string; count: number }>(sql`
    select r.flag, count(*)::int as count
    from flagstaff.code_scans s join flagstaff.code_references r on r.scan_id = s.id
    where s.project_id = ${projectId} group by r.flag`)
  return { checkedAt: scans[0]?.checkedAt ?? null, references: new Map(rows.map(({ flag, count }) => [flag, count])) }
}

function toEnvironment(
  { key, lastSyncAt, lastUseAt, agents }: EnvironmentRow,
  { answerDays }: StaleThresholds,
  now: number,
): EnvironmentFacts {
  const isInUse = Math.max(lastSyncAt ?? 0, lastUseAt ?? 0) > now - answerDays * DAY_MS
  return { key, isInUse, lastSyncAt, syncAgents: agents ?? [] }
}

function factsByFlag(rows: {
  readonly environments: readonly EnvironmentRow[]
  readonly definitions: readonly DefinitionRow[]
  readonly served: readonly VariantRow[]
  readonly now: number
}): Map<string, FlagEnvironmentFacts[]> {
  const environments = new Map(rows.environments.map((row) => [row.id, row]))
  const nameOf = (row: { flagId: string; environmentId: string }) => `${row.environmentId}/${row.flagId}`
  const served = new Map(rows.served.map((row) => [nameOf(row), row]))
  const facts = new Map<string, FlagEnvironmentFacts[]>()
  for (const row of rows.definitions) {
    const environment = environments.get(row.environmentId)
    if (!environment) continue
    const list = facts.get(row.flagId) ?? []
    facts.set(row.flagId, list)
    list.push(toFacts(row, { environment, served: served.get(nameOf(row)), now: rows.now }))
  }
  return facts
}

function toFacts(
  { definition, changedAt }: DefinitionRow,
  { environment, served, now }: { environment: EnvironmentRow; served: VariantRow | undefined; now: number },
): FlagEnvironmentFacts {
  const answers = possibleAnswers(definition, environment.segments, Math.floor(now / 1_000))
  const recentVariants = served?.recent ?? []
  return {
    environment: environment.key,
    answers,
    isOn: isOn(definition, answers, recentVariants),
    changedAt,
    lastEvaluatedAt: served?.lastAt ?? null,
    recentVariants,
    otherVariantsAt: served?.othersAt ?? null,
    isGrouped: isGrouped(definition),
  }
}

/** Whether the only answer, possible or served, is `true`. */
function isOn({ variants }: Definition, answers: PossibleAnswers, recent: readonly string[]): boolean {
  const names = answers.variants?.size === 1 ? [...answers.variants] : recent
  return names.length === 1 && own(variants, names[0] ?? '') === true
}

function isGrouped(definition: Definition): boolean {
  const { group, holdouts = [] } = planIn(definition) ?? {}
  return group !== undefined || holdouts.length > 0
}

/** The keys of the flags that need a flag, by its key. */
function usersOf(flags: readonly FlagRow[], definitions: readonly DefinitionRow[]): Map<string, string[]> {
  const keys = new Map(flags.map(({ id, key }) => [id, key]))
  const users = new Map<string, Set<string>>()
  for (const { flagId, definition } of definitions)
    for (const needed of keys.has(flagId) ? neededKeys(definition) : []) {
      const list = users.get(needed) ?? new Set()
      users.set(needed, list.add(keys.get(flagId) ?? ''))
    }
  return new Map([...users].map(([key, names]) => [key, [...names].sort()]))
}
