import { and, asc, eq, isNotNull, isNull, sql } from 'drizzle-orm'
import { type Definition, isRecord } from '../../../flag/definition.ts'
import { changesOf, type PlannedChange } from '../../../flag/plan/describe-plan.ts'
import { planIn } from '../../../flag/plan/pair.ts'
import { secondOf } from '../../../flag/plan/plan.ts'
import type { Database, Db, Transaction } from '../database.ts'
import { type EnvironmentName, readEnvironmentRow } from '../environments.ts'
import { changes, definitions, flags } from '../tables.ts'

/** What a plan will do, and who planned it. */
export type ScheduledChange = PlannedChange & {
  readonly flag: string
  readonly second: number
  readonly by: string | null
  readonly revision: bigint
}

/** All planned changes of an environment in `[from, to)`, in unix seconds, in the order of time and flag. Disabled flags are among them. */
export function listSchedule(
  database: Database,
  name: EnvironmentName,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<ScheduledChange[]> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    const rows = await selectPlanned(db, { id: environment.id, project: name.project, environment: name.environment })
    const all = rows.flatMap(({ key, definition, by, revision }) =>
      plannedIn(definition).map((change) => ({ ...change, flag: key, second: secondOf(change.at), by, revision })),
    )
    return all
      .filter(({ second }) => second >= from && second < to)
      .sort((one, other) => one.second - other.second || (one.flag < other.flag ? -1 : 1))
  })
}

function plannedIn(definition: unknown): PlannedChange[] {
  const plan = isRecord(definition) ? planIn(definition as Definition) : undefined
  return plan ? changesOf(plan) : []
}

/** The definitions of an environment that have a plan. */
function selectPlanned(
  db: Db | Transaction,
  { id, project, environment }: { readonly id: bigint; readonly project: string; readonly environment: string },
) {
  return db
    .select({
      key: flags.key,
      definition: definitions.definition,
      revision: definitions.revision,
      by: changes.actor,
    })
    .from(definitions)
    .innerJoin(flags, and(eq(flags.id, definitions.flagId), isNull(flags.archivedAt)))
    .leftJoin(
      changes,
      and(
        eq(changes.project, project),
        eq(changes.environment, environment),
        eq(changes.flag, flags.key),
        eq(changes.subject, 'definition'),
        eq(changes.revision, definitions.revision),
      ),
    )
    .where(
      and(
        eq(definitions.environmentId, id),
        isNotNull(definitions.definition),
        sql`${definitions.definition} -> 'flagstaff' is not null`,
      ),
    )
    .orderBy(asc(flags.key))
}
