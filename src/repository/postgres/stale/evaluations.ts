import { sql } from 'drizzle-orm'
import type { Database } from '../database.ts'

/** How often flags were evaluated, by `<environment>/<flag>`. */
export type EvaluationTotals = ReadonlyMap<string, number>

/** Counts the evaluations of flags, by their ids, in the environments of a project since `from`. */
export function countEvaluations(
  database: Database,
  project: string,
  { flagIds, from }: { flagIds: readonly string[]; from: Date },
): Promise<EvaluationTotals> {
  if (flagIds.length === 0) return Promise.resolve(new Map())
  return database.read(async (db) => {
    const { rows } = await db.execute<{ name: string; count: string }>(sql`
      select e.key || '/' || f.key as name, sum(u.count) as count
      from flagstaff.projects p
      join flagstaff.environments e on e.project_id = p.id
      join flagstaff.flags f on f.project_id = p.id and f.id = any (${`{${flagIds}}`}::bigint[])
      join flagstaff.usage u on u.environment_id = e.id and u.flag_id = f.id and u.hour >= ${from.toISOString()}::timestamptz
      where p.key = ${project} group by e.key, f.key`)
    return new Map(rows.map(({ name, count }) => [name, Number(count)]))
  })
}
