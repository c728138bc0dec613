import { and, asc, eq, inArray, isNotNull, isNull } from 'drizzle-orm'
import type { Definition } from '../../../flag/definition.ts'
import type { Db, Transaction } from '../database.ts'
import { definitions, flags } from '../tables.ts'

/** The definitions of an environment, or those of `keys`, without archived flags, in the order in which the flags were created. */
export async function selectAll(
  db: Db | Transaction,
  environmentId: bigint,
  keys?: readonly string[],
): Promise<Map<string, Definition>> {
  const isWanted = keys && inArray(flags.key, keys)
  const rows = await db
    .select({ key: flags.key, definition: definitions.definition })
    .from(definitions)
    .innerJoin(flags, and(eq(flags.id, definitions.flagId), isNull(flags.archivedAt)))
    .where(and(eq(definitions.environmentId, environmentId), isNotNull(definitions.definition), isWanted))
    .orderBy(asc(flags.id))
  return new Map(rows.flatMap(({ key, definition }) => (definition ? [[key, definition] as const] : [])))
}
