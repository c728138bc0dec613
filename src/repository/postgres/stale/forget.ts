import { sql } from 'drizzle-orm'
import type { Transaction } from '../database.ts'

/** Tables of usage without foreign keys that are emptied with their environment; table usage empties itself. */
const TABLES = ['last_evaluations', 'last_variants', 'archived_evaluations', 'sync_agents', 'usage_reports']

/** Deletes what is known of the use of an environment, except its hours. */
export async function forgetEnvironment(tx: Transaction, environmentId: bigint): Promise<void> {
  for (const table of TABLES)
    await tx.execute(
      sql`delete from flagstaff.${sql.identifier(table)} where environment_id = ${String(environmentId)}::bigint`,
    )
}

/** The count of evaluations of archived flags begins again. */
export async function forgetArchivedEvaluations(tx: Transaction, flagIds: readonly bigint[]): Promise<void> {
  await tx.execute(sql`delete from flagstaff.archived_evaluations where flag_id = any (${`{${flagIds}}`}::bigint[])`)
}
