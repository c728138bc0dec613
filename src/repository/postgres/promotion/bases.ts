import { sql } from 'drizzle-orm'
import type { CarriedFlag } from '../../../flag/compare/compare-flag.ts'
import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import { batches, type Db, type Transaction } from '../database.ts'
import type { EnvironmentRow } from '../environments.ts'

/** Two environments of one project, as rows. */
export type EnvironmentPair = { readonly source: EnvironmentRow; readonly target: EnvironmentRow }

/** What was last carried of a flag, with the revisions that both environments then had. */
export type FlagBase = CarriedFlag & {
  readonly sourceRevision: number
  readonly targetRevision: number
  readonly at: Date
}

type BaseRow = {
  readonly key: string
  readonly definition: Definition
  readonly uncarried: readonly string[]
  readonly sourceRevision: string
  readonly targetRevision: string
  readonly at: string
}

/** What was last carried of the flags `keys`, by key. */
export async function selectFlagBases(
  db: Db | Transaction,
  { source, target }: EnvironmentPair,
  keys: readonly string[],
): Promise<Map<string, FlagBase>> {
  const { rows } = await db.execute<BaseRow>(sql`
    select f.key, p.definition, p.uncarried, p.source_revision as "sourceRevision", p.target_revision as "targetRevision",
      (extract(epoch from p.at) * 1000)::float8 as at
    from flagstaff.promotions p join flagstaff.flags f on f.id = p.flag_id
    where p.source_id = ${String(source.id)}::bigint and p.target_id = ${String(target.id)}::bigint
      and f.key = any (array(select json_array_elements_text(${JSON.stringify(keys)}::json)))`)
  return new Map(
    rows.map(({ key, sourceRevision, targetRevision, at, ...carried }) => [
      key,
      { ...carried, sourceRevision: Number(sourceRevision), targetRevision: Number(targetRevision), at: new Date(at) },
    ]),
  )
}

/** What was last carried of the segments, by name. */
export async function selectSegmentBases(
  db: Db | Transaction,
  { source, target }: EnvironmentPair,
): Promise<SegmentRules> {
  const { rows } = await db.execute<{ name: string; rule: unknown }>(sql`
    select name, rule from flagstaff.promoted_segments
    where source_id = ${String(source.id)}::bigint and target_id = ${String(target.id)}::bigint`)
  return Object.fromEntries(rows.map(({ name, rule }) => [name, rule]))
}

export type NewBases = {
  /** Undefined: the flag has no base any more. */
  readonly flags: ReadonlyMap<string, CarriedFlag | undefined>
  readonly segments: SegmentRules
  /** The revision of the target after the promotion. */
  readonly revision: bigint
  readonly actor: string
}

/** Stores what was carried, in the transaction of the promotion. */
export async function storeBases(tx: Transaction, { source, target }: EnvironmentPair, bases: NewBases): Promise<void> {
  const [from, to] = [String(source.id), String(target.id)]
  const rows = [...bases.flags].map(([key, base]) => ({
    key,
    definition: base ? JSON.stringify(base.definition) : null,
    uncarried: base?.uncarried ?? [],
  }))
  for (const batch of batches(rows)) {
    const given = sql`json_to_recordset(${JSON.stringify(batch)}::json) as row (key text, definition text, uncarried text[])
      join flagstaff.flags f on f.project_id = ${String(target.projectId)}::bigint and f.key = row.key`
    await tx.execute(sql`
      insert into flagstaff.promotions (source_id, target_id, flag_id, definition, uncarried, source_revision, target_revision, actor)
      select ${from}::bigint, ${to}::bigint, f.id, row.definition::json, row.uncarried,
        ${String(source.revision)}::bigint, ${String(bases.revision)}::bigint, ${bases.actor}
      from ${given} where row.definition is not null
      on conflict (source_id, target_id, flag_id) do update set definition = excluded.definition, uncarried = excluded.uncarried,
        source_revision = excluded.source_revision, target_revision = excluded.target_revision, at = clock_timestamp(), actor = excluded.actor`)
    await tx.execute(sql`
      delete from flagstaff.promotions where source_id = ${from}::bigint and target_id = ${to}::bigint
        and flag_id = any (array(select f.id from ${given} where row.definition is null))`)
  }
  const rules = Object.entries(bases.segments).map(([name, rule]) => ({ name, rule: JSON.stringify(rule) }))
  for (const batch of batches(rules))
    await tx.execute(sql`
      insert into flagstaff.promoted_segments (source_id, target_id, name, rule)
      select ${from}::bigint, ${to}::bigint, row.name, row.rule::json
      from json_to_recordset(${JSON.stringify(batch)}::json) as row (name text, rule text)
      on conflict (source_id, target_id, name) do update set rule = excluded.rule`)
}
