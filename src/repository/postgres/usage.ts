import { and, asc, eq, gte, lt, sql, sum } from 'drizzle-orm'
import { FlagError } from '../../flag/error.ts'
import type { Failure, Success } from '../../flag/evaluate.ts'
import type { Database, Transaction } from './database.ts'
import type { FlagName } from './definitions.ts'
import { readEnvironmentRow } from './environments.ts'
import { flags, lastEvaluations, lastSyncs, usage } from './tables.ts'

/** Reason of an evaluation; for a failure, its error code. */
export type UsageReason = Success['reason'] | Exclude<Failure['errorCode'], 'FLAG_NOT_FOUND'>

/** Number of equal evaluations within an hour. */
export type UsageCount = {
  readonly environmentId: bigint
  /** Undefined for evaluations that could not be counted under their flag; variant and reason are then empty. */
  readonly flag: string | undefined
  /** Hours since 1970. */
  readonly hour: number
  /** Empty if the evaluation had no variant: no variant has an empty name. */
  readonly variant: string
  readonly reason: UsageReason | ''
  readonly count: number
  /** Unix seconds. */
  readonly lastAt: number
}

/** A key was used, last at `at` in unix seconds. */
export type KeyUse = { readonly keyId: string; readonly at: number }
/** The flag set of an environment was served to an in-process provider with this user agent, last at `at` in unix seconds. */
export type SyncUse = { readonly environmentId: bigint; readonly agent: string; readonly at: number }
/** A key that no flag of an environment has was evaluated `count` times, last at `lastAt` in unix seconds: it may be archived. */
export type MissedFlag = {
  readonly environmentId: bigint
  readonly flag: string
  readonly count: number
  readonly lastAt: number
}

/** Counts that are stored together. A replica numbers its batches from 1 and sends the next one only after this one is stored. */
export type UsageBatch = {
  /** Random for each process. */
  readonly replica: string
  readonly sequence: number
  /** Unique by environment, flag, variant, reason and hour. Sorted in the same order on all replicas, which prevents deadlocks. */
  readonly counts: readonly UsageCount[]
  readonly keyUses?: readonly KeyUse[]
  readonly syncs?: readonly SyncUse[]
  readonly missed?: readonly MissedFlag[]
}

/** Retention of hourly counts. The time of the last evaluation is kept without limit. */
export const RETENTION_DAYS = 90
/** A replica may count a batch twice if it loses the database for longer than this before it knows whether the batch was stored. */
const FLUSHES_DAYS = 7
/** User agents of an environment that are kept, the newest ones. */
const AGENTS_MAX = 50
/** Old rows that each batch deletes: more than it can add, so that the deletion keeps up. */
const SWEPT_ROWS = 4_000
const UNATTRIBUTED = 0n

/** Adds a whole batch of counts exactly once, however often it is sent. Counts of a deleted environment or flag are dropped. */
export function writeUsage(
  database: Database,
  { replica, sequence, counts, keyUses = [], syncs = [], missed = [] }: UsageBatch,
): Promise<void> {
  return database.write(async (tx) => {
    const { rows: isNew } = await tx.execute(sql`
      insert into flagstaff.usage_flushes as held (replica, sequence, at) values (${replica}, ${sequence}, now())
      on conflict (replica) do update set sequence = excluded.sequence, at = excluded.at
        where held.sequence < excluded.sequence
      returning replica`)
    if (isNew.length === 0) return
    await addCounts(tx, counts)
    await writeLastUses(tx, keyUses, syncs)
    if (missed.length > 0) await addArchivedEvaluations(tx, missed)
    // Skips rows that another replica is deleting, so that neither waits.
    await tx.execute(sql`
      delete from flagstaff.usage where ctid = any (array(
        select ctid from flagstaff.usage where hour < now() - make_interval(days => ${RETENTION_DAYS})
        limit ${SWEPT_ROWS} for update skip locked))`)
    await tx.execute(sql`
      delete from flagstaff.usage_flushes where replica = any (array(
        select replica from flagstaff.usage_flushes where at < now() - make_interval(days => ${FLUSHES_DAYS})
        for update skip locked))`)
  })
}

/** Adds counts of evaluations in the transaction that knows that they are new. Those of unknown flags are dropped. */
export async function addCounts(tx: Transaction, counts: readonly UsageCount[]): Promise<void> {
  const rows = counts.map((count, place) => ({ ...count, environmentId: String(count.environmentId), place }))
  // Sets of rows as one parameter: Postgres parses JSON faster than parameters are built here.
  const counted = sql`
    json_to_recordset(${JSON.stringify(rows)}::json) as row ("environmentId" bigint, flag text, hour bigint, variant text,
      reason text, count bigint, "lastAt" bigint, place int)
    join flagstaff.environments e on e.id = row."environmentId"
    left join flagstaff.flags f on f.project_id = e.project_id and f.key = row.flag`
  await tx.execute(sql`
    insert into flagstaff.usage as held (environment_id, flag_id, hour, variant, reason, count)
    select e.id, coalesce(f.id, 0), to_timestamp(row.hour * 3600), row.variant, row.reason, row.count
    from ${counted} where row.flag is null or f.id is not null order by row.place
    on conflict (environment_id, flag_id, hour, variant, reason) do update set count = held.count + excluded.count`)
  await tx.execute(sql`
    insert into flagstaff.last_evaluations as held (flag_id, environment_id, at)
    select f.id, e.id, to_timestamp(max(row."lastAt")) from ${counted} where f.id is not null
    group by f.id, e.id order by f.id, e.id
    on conflict (flag_id, environment_id) do update set at = excluded.at where held.at < excluded.at`)
  await tx.execute(sql`
    insert into flagstaff.last_variants as held (environment_id, flag_id, variant, at)
    select e.id, f.id, row.variant, to_timestamp(max(row."lastAt")) from ${counted} where f.id is not null
    group by e.id, f.id, row.variant order by e.id, f.id, row.variant
    on conflict (environment_id, flag_id, variant) do update set at = excluded.at where held.at < excluded.at`)
}

/** Counts evaluations of archived flags; other keys are not the keys of flags. */
async function addArchivedEvaluations(tx: Transaction, missed: readonly MissedFlag[]): Promise<void> {
  const rows = missed.map((row) => ({ ...row, environmentId: String(row.environmentId) }))
  await tx.execute(sql`
    insert into flagstaff.archived_evaluations as held (flag_id, environment_id, count, at)
    select f.id, e.id, sum(row.count), to_timestamp(max(row."lastAt"))
    from json_to_recordset(${JSON.stringify(rows)}::json) as row ("environmentId" bigint, flag text, count bigint, "lastAt" bigint)
    join flagstaff.environments e on e.id = row."environmentId"
    join flagstaff.flags f on f.project_id = e.project_id and f.key = row.flag and f.archived_at < to_timestamp(row."lastAt")
    group by f.id, e.id order by f.id, e.id
    on conflict (flag_id, environment_id) do update set
      count = held.count + excluded.count, at = greatest(held.at, excluded.at)`)
}

/** The later time wins, independent of the order in which replicas store theirs. Deleted keys and environments are skipped. */
async function writeLastUses(tx: Transaction, keyUses: readonly KeyUse[], syncs: readonly SyncUse[]): Promise<void> {
  if (keyUses.length > 0)
    await tx.execute(sql`
      insert into flagstaff.last_key_uses as held (key_id, at)
      select k.id, to_timestamp(max(row.at))
      from json_to_recordset(${JSON.stringify(keyUses)}::json) as row ("keyId" uuid, at bigint)
      join flagstaff.keys k on k.id = row."keyId"
      group by k.id order by k.id
      on conflict (key_id) do update set at = excluded.at where held.at < excluded.at`)
  if (syncs.length > 0) await writeSyncs(tx, syncs)
}

async function writeSyncs(tx: Transaction, syncs: readonly SyncUse[]): Promise<void> {
  const rows = syncs.map(({ environmentId, ...sync }) => ({ environmentId: String(environmentId), ...sync }))
  const synced = sql`json_to_recordset(${JSON.stringify(rows)}::json) as row ("environmentId" bigint, agent text, at bigint)
    join flagstaff.environments e on e.id = row."environmentId"`
  await tx.execute(sql`
    insert into flagstaff.last_syncs as held (environment_id, at)
    select e.id, to_timestamp(max(row.at)) from ${synced} group by e.id order by e.id
    on conflict (environment_id) do update set at = excluded.at where held.at < excluded.at`)
  await tx.execute(sql`
    insert into flagstaff.sync_agents as held (environment_id, agent, at)
    select e.id, row.agent, to_timestamp(max(row.at)) from ${synced} where row.agent <> ''
    group by e.id, row.agent order by e.id, row.agent
    on conflict (environment_id, agent) do update set at = excluded.at where held.at < excluded.at`)
  await tx.execute(sql`
    delete from flagstaff.sync_agents where (environment_id, agent) in (
      select environment_id, agent from (
        select environment_id, agent, row_number() over (partition by environment_id order by at desc, agent) as place
        from flagstaff.sync_agents where environment_id in (select e.id from ${synced})) ranked
      where place > ${AGENTS_MAX})`)
}

/** Counts of one flag; `unattributed` counts evaluations in its environment that may belong to any flag. */
export type FlagUsage = {
  readonly counts: readonly { hour: Date; variant: string; reason: string; count: bigint }[]
  readonly unattributed: number
  readonly lastEvaluatedAt: Date | null
  /** When the flag set of the environment was last served to an in-process provider, whose evaluations are not counted. */
  readonly syncedInProcessAt: Date | null
}

/** Maximum of counts in one response. */
const COUNTS_MAX = 10_000

/** Reads the counts of a flag for the hours from `from` up to, not including, `to`, oldest first. */
export function readUsage(database: Database, name: FlagName, range: { from: Date; to: Date }): Promise<FlagUsage> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    const [flag] = await db
      .select({ id: flags.id, lastEvaluatedAt: lastEvaluations.at, syncedInProcessAt: lastSyncs.at })
      .from(flags)
      .leftJoin(
        lastEvaluations,
        and(eq(lastEvaluations.flagId, flags.id), eq(lastEvaluations.environmentId, environment.id)),
      )
      .leftJoin(lastSyncs, eq(lastSyncs.environmentId, environment.id))
      .where(and(eq(flags.projectId, environment.projectId), eq(flags.key, name.flag)))
    if (!flag) throw new FlagError('not_found', `Flag "${name.flag}" does not exist`)
    const of = (flagId: bigint) =>
      and(
        eq(usage.environmentId, environment.id),
        eq(usage.flagId, flagId),
        gte(usage.hour, range.from),
        lt(usage.hour, range.to),
      )
    const counts = await db
      .select({ hour: usage.hour, variant: usage.variant, reason: usage.reason, count: usage.count })
      .from(usage)
      .where(of(flag.id))
      .orderBy(asc(usage.hour), asc(usage.variant), asc(usage.reason))
      .limit(COUNTS_MAX + 1)
    if (counts.length > COUNTS_MAX)
      throw new FlagError('invalid', `Cannot return more than ${COUNTS_MAX} counts: request a shorter time range`)
    const [rest] = await db
      .select({ count: sum(usage.count).mapWith(Number) })
      .from(usage)
      .where(of(UNATTRIBUTED))
    const { lastEvaluatedAt, syncedInProcessAt } = flag
    return { counts, unattributed: rest?.count ?? 0, lastEvaluatedAt, syncedInProcessAt }
  })
}
