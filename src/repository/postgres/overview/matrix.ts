import { and, asc, eq, gt, inArray, sql } from 'drizzle-orm'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import type { StaleThresholds } from '../../../flag/stale/thresholds.ts'
import type { Database, Db } from '../database.ts'
import type { FlagRow } from '../flags.ts'
import { selectProject } from '../projects.ts'
import { thresholdsOf } from '../stale/facts.ts'
import { environments, flags, lastSyncs } from '../tables.ts'

export type MatrixFilter = {
  /** Keys of environments; undefined: all. */
  readonly environments: readonly string[] | undefined
  readonly after: string
  /** Flags at most; fewer where the environments are so many that the cells would exceed `CELLS_MAX`. */
  readonly limit: number
  /** The end of the 24 hours that are counted, and of the days of `recent`. */
  readonly now: Date
}
export type MatrixEnvironmentRow = Pick<
  typeof environments.$inferSelect,
  'id' | 'key' | 'name' | 'position' | 'protected' | 'revision' | 'segments'
> & { readonly lastSyncAt: Date | null }
/** Flags times environments in one part: 50,000 cells are about 10 MB of JSON. */
const CELLS_MAX = 50_000
/** Usage of at most so many flags is read by their ids; of more, that of the whole environments. */
const IDS_MAX = 1_000

type CellKey = { readonly environmentId: string; readonly flagId: string }
type DefinedRow = CellKey & {
  readonly revision: string
  readonly definition: Definition | null
  /** Unix milliseconds of the last change of the definition. */
  readonly changedAt: number
  readonly managedBy: { readonly name: string; readonly locked: boolean } | null
}
/** A flag in one environment. */
export type MatrixCellRow = DefinedRow & {
  /** Unix milliseconds of the last stored evaluation. */
  readonly lastAt: number | null
  /** The variants that were served within the project's days of one answer, and when others last were, in Unix milliseconds. */
  readonly recent: readonly string[]
  readonly othersAt: number | null
  /** Evaluations by hours before the current one: "0:12,3:4"; null where there are none. */
  readonly hours: string | null
}
export type MatrixRows = {
  readonly environments: readonly MatrixEnvironmentRow[]
  readonly flags: readonly FlagRow[]
  readonly cells: readonly MatrixCellRow[]
  readonly thresholds: StaleThresholds
  /** The limit of this part: a part with fewer flags is the last one. */
  readonly limit: number
}

/** The flags of a project in the order of their keys, with what each environment has of them. Fails with `not_found`. */
export function readMatrix(database: Database, project: string, filter: MatrixFilter): Promise<MatrixRows> {
  return database.read(async (db) => {
    const { id, ...row } = await selectProject(db, project)
    const thresholds = thresholdsOf(row)
    const environmentRows = await selectEnvironments(db, id, filter.environments)
    const limit = Math.min(filter.limit, Math.ceil(CELLS_MAX / Math.max(1, environmentRows.length)))
    const rows = await db
      .select()
      .from(flags)
      .where(and(eq(flags.projectId, id), gt(flags.key, filter.after)))
      .orderBy(asc(flags.key))
      .limit(limit)
    const variantDays = thresholds.answerDays
    const cells = await selectCells(db, environmentRows, rows, { now: filter.now, variantDays })
    return { environments: environmentRows, flags: rows, cells, thresholds, limit }
  })
}

async function selectEnvironments(
  db: Db,
  projectId: bigint,
  wanted: readonly string[] | undefined,
): Promise<MatrixEnvironmentRow[]> {
  const { id, key, name, position, protected: isProtected, revision, segments } = environments
  const inProject = eq(environments.projectId, projectId)
  const environmentRows = await db
    .select({ id, key, name, position, protected: isProtected, revision, segments, lastSyncAt: lastSyncs.at })
    .from(environments)
    .leftJoin(lastSyncs, eq(lastSyncs.environmentId, id))
    .where(wanted ? and(inProject, inArray(key, [...wanted])) : inProject)
    .orderBy(asc(position), asc(key))
  const missing = wanted?.find((name) => !environmentRows.some((row) => row.key === name))
  if (missing !== undefined) throw new FlagError('not_found', `Environment "${missing}" does not exist`)
  return environmentRows
}

/**
 * The cells of the flags. Each table is read by its own statement and joined here: without fresh statistics, Postgres joins what it has
 * aggregated row by row.
 */
async function selectCells(
  db: Db,
  environmentRows: readonly MatrixEnvironmentRow[],
  rows: readonly FlagRow[],
  { now, variantDays }: { now: Date; variantDays: number },
): Promise<MatrixCellRow[]> {
  const first = rows[0]
  const last = rows.at(-1)
  if (!first || !last || environmentRows.length === 0) return []
  const inEnvironments = sql`environment_id = any (${idsOf(environmentRows)}::bigint[])`
  const inPart =
    rows.length > IDS_MAX ? inEnvironments : sql`${inEnvironments} and flag_id = any (${idsOf(rows)}::bigint[])`
  const time = sql`${now.toISOString()}::timestamptz`
  const hour = sql`date_trunc('hour', ${time}, 'UTC')`
  const { rows: defined } = await db.execute<DefinedRow>(sql`
    select d.environment_id as "environmentId", d.flag_id as "flagId", d.revision, d.definition,
      (extract(epoch from d.changed_at) * 1000)::float8 as "changedAt",
      case when d.managed_by is not null then (
        select json_build_object('name', m.name, 'locked', m.locked)
        from flagstaff.managers m where m.environment_id = d.environment_id and m.name = d.managed_by) end as "managedBy"
    from flagstaff.flags f join flagstaff.definitions d on d.flag_id = f.id
    where f.project_id = ${String(first.projectId)}::bigint and f.key between ${first.key} and ${last.key} and ${inEnvironments}`)
  const evaluated = await db.execute<CellKey & { at: number }>(sql`
    select environment_id as "environmentId", flag_id as "flagId", (extract(epoch from at) * 1000)::float8 as at
    from flagstaff.last_evaluations where ${inPart}`)
  const isRecent = sql`at > ${time} - make_interval(days => ${variantDays})`
  const served = await db.execute<CellKey & { recent: string[] | null; othersAt: number | null }>(sql`
    select environment_id as "environmentId", flag_id as "flagId", json_agg(variant) filter (where ${isRecent}) as recent,
      (extract(epoch from max(at) filter (where not (${isRecent}))) * 1000)::float8 as "othersAt"
    from flagstaff.last_variants where ${inPart} group by environment_id, flag_id`)
  const counted = await db.execute<CellKey & { hours: string }>(sql`
    select environment_id as "environmentId", flag_id as "flagId", string_agg(age || ':' || n, ',') as hours from (
      select environment_id, flag_id, sum(count) as n, (extract(epoch from ${hour} - hour) / 3600)::int as age
      from flagstaff.usage
      where ${inPart} and flag_id <> 0 and hour <= ${time} and hour > ${hour} - interval '24 hours'
      group by environment_id, flag_id, hour) by_hour
    group by environment_id, flag_id`)
  const lastAt = byCell(evaluated.rows)
  const variants = byCell(served.rows)
  const hours = byCell(counted.rows)
  return defined.map((row) => ({
    ...row,
    lastAt: lastAt.get(nameOf(row))?.at ?? null,
    recent: variants.get(nameOf(row))?.recent ?? [],
    othersAt: variants.get(nameOf(row))?.othersAt ?? null,
    hours: hours.get(nameOf(row))?.hours ?? null,
  }))
}

const idsOf = (rows: readonly { readonly id: bigint }[]): string => `{${rows.map(({ id }) => id)}}`

const nameOf = ({ environmentId, flagId }: CellKey): string => `${environmentId}/${flagId}`

const byCell = <Row extends CellKey>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [nameOf(row), row]))
