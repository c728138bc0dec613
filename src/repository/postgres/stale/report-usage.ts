import { sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { type EnvironmentName, readEnvironmentRow } from '../environments.ts'
import { addCounts, type UsageReason } from '../usage.ts'

/** Evaluations that a client counted in its own process. */
export type UsageReport = {
  /** A UUID. The same report counts once, however often it is sent. */
  readonly id: string
  readonly to: Date
  readonly counts: readonly ReportedCount[]
}
export type ReportedCount = {
  readonly flag: string
  /** Null: the default in the application's code. */
  readonly variant: string | null
  readonly reason: UsageReason
  readonly count: number
}
export type ReportResult = {
  /** Whether the report is new. */
  readonly isNew: boolean
  /** Keys that no flag of the project has; their counts are dropped. */
  readonly unknown: readonly string[]
}

/** Longer than a report may be old, so that one that is sent again is known. */
const KEPT_HOURS = 48
const HOUR_MS = 3_600_000

/** Adds the counts of a report exactly once. Fails with `not_found`. */
export function reportUsage(database: Database, name: EnvironmentName, report: UsageReport): Promise<ReportResult> {
  return database.write(async (tx) => {
    const { id, projectId } = await readEnvironmentRow(tx, name)
    const { rows: added } = await tx.execute(sql`
      insert into flagstaff.usage_reports (environment_id, id, at) values (${String(id)}::bigint, ${report.id}, now())
      on conflict do nothing returning id`)
    const keys = JSON.stringify(report.counts.map(({ flag }) => flag))
    const { rows: unknown } = await tx.execute<{ key: string }>(sql`
      select distinct given.key from json_array_elements_text(${keys}::json) as given (key)
      where not exists (select from flagstaff.flags f where f.project_id = ${String(projectId)}::bigint and f.key = given.key)`)
    const result = { isNew: added.length > 0, unknown: unknown.map(({ key }) => key).sort() }
    if (!result.isNew) return result
    const counts = merged(report.counts).map(({ variant, ...count }) => ({
      ...count,
      environmentId: id,
      variant: variant ?? '',
      hour: Math.floor(report.to.getTime() / HOUR_MS),
      lastAt: Math.floor(report.to.getTime() / 1_000),
    }))
    await addCounts(tx, counts)
    await tx.execute(sql`
      delete from flagstaff.usage_reports where (environment_id, id) in (
        select environment_id, id from flagstaff.usage_reports where at < now() - make_interval(hours => ${KEPT_HOURS})
        limit 100 for update skip locked)`)
    return result
  })
}

/** One count for each flag, variant and reason, sorted, so that all writers lock rows in the same order. */
function merged(counts: readonly ReportedCount[]): ReportedCount[] {
  const byName = new Map<string, ReportedCount>()
  for (const count of counts) {
    const name = `${count.flag}\0${count.variant ?? ''}\0${count.reason}`
    const earlier = byName.get(name)?.count ?? 0
    byName.set(name, { ...count, count: earlier + count.count })
  }
  return [...byName].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, count]) => count)
}
