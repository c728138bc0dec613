import { sql } from 'drizzle-orm'
import { type Definition, DOCUMENT_BYTES_MAX } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import type { Transaction } from './database.ts'
import type { environments } from './tables.ts'

type DocumentParts = Pick<typeof environments.$inferSelect, 'segments' | 'metadata' | 'members'>
type SizedEnvironment = DocumentParts & { readonly id: bigint; readonly key: string; readonly project: string }
type ChangedFlag = {
  readonly key: string
  readonly before: Definition | undefined
  readonly after: Definition | undefined
}
/** What a change makes of the document of an environment; absent parts stay. */
export type DocumentChange = Partial<DocumentParts> & { readonly changed?: readonly ChangedFlag[] }

/**
 * Refuses a change by which the document of a locked environment becomes larger than a PUT of it may be; one that only makes it smaller is
 * accepted at any size. Postgres measures the stored text, in some 25 ms for 20,000 flags; here only what changes is. Fails with `too_large`.
 */
export async function checkDocumentSize(
  tx: Transaction,
  environment: SizedEnvironment,
  change: DocumentChange,
): Promise<void> {
  const growth = growthOf(environment, change)
  if (growth <= 0) return
  const stored = await storedBytes(tx, environment.id)
  if (stored + growth <= DOCUMENT_BYTES_MAX) return
  const name = `${environment.project}/${environment.key}`
  const message = `Cannot store the change: the flag set "${name}" has ${stored} bytes and would have ${stored + growth}, more than ${DOCUMENT_BYTES_MAX}`
  throw new FlagError('too_large', message)
}

function growthOf(environment: SizedEnvironment, { changed = [], ...parts }: DocumentChange): number {
  let growth = 0
  for (const name of ['segments', 'metadata', 'members'] as const)
    if (parts[name] !== undefined) growth += bytesOf(parts[name]) - bytesOf(environment[name])
  for (const { key, before, after } of changed) growth += flagBytes(key, after) - flagBytes(key, before)
  return growth
}

/** A flag with its key, a colon and a comma. */
const flagBytes = (key: string, definition: Definition | undefined): number =>
  definition === undefined ? 0 : bytesOf(key) + bytesOf(definition) + 2

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))

/** The size of what is stored, in bytes of JSON: columns of the type json keep the text that was written. */
async function storedBytes(tx: Transaction, environmentId: bigint): Promise<number> {
  const { rows } = await tx.execute<{ bytes: number }>(sql`
    select (octet_length(e.segments::text) + octet_length(e.metadata::text) + octet_length(e.members::text) + coalesce((
      select sum(octet_length(to_json(f.key)::text) + octet_length(d.definition::text) + 2)
      from flagstaff.definitions d join flagstaff.flags f on f.id = d.flag_id and f.archived_at is null
      where d.environment_id = e.id), 0))::float8 as bytes
    from flagstaff.environments e where e.id = ${String(environmentId)}::bigint`)
  return rows[0]?.bytes ?? 0
}
