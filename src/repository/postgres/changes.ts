import { and, desc, eq, gt, gte, lt, lte, max, type SQL, sql } from 'drizzle-orm'
import { FlagError } from '../../flag/error.ts'
import { asText, batches, type Database, type Db, type Transaction } from './database.ts'
import { changes } from './tables.ts'

/** Who makes a change, and why; part of every change record. */
export type Author = {
  readonly actor: string
  readonly comment: string
  readonly traceId: string
  /** `traceparent` of the change; absent if its trace is not kept. */
  readonly traceparent?: string | undefined
}
/** One change record. `revision` is null if no environment changed. */
export type ChangeRecord = typeof changes.$inferSelect
export type NewChangeRecord = Pick<ChangeRecord, 'subject' | 'action'> &
  Partial<
    Pick<ChangeRecord, 'project' | 'environment' | 'flag' | 'segment' | 'revision' | 'before' | 'after' | 'origin'>
  >

/** Which changes to list. `before` is the id below which the page starts: newest come first. */
export type ChangeFilter = {
  readonly project?: string | undefined
  readonly environment?: string | undefined
  readonly flag?: string | undefined
  /** Includes the record of its renaming to another name. */
  readonly segment?: string | undefined
  readonly subject?: ChangeRecord['subject'] | undefined
  readonly actor?: string | undefined
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly before?: bigint | undefined
  /** Only changes up to this revision. */
  readonly upTo?: bigint | undefined
  readonly limit: number
}

/** Adds change records in the transaction of the change, so that neither is stored without the other. */
export async function recordChanges(
  tx: Transaction,
  author: Author,
  entries: readonly NewChangeRecord[],
): Promise<void> {
  for (const batch of batches(entries)) {
    const rows = batch.map(({ revision = null, before, after, origin, ...entry }) => ({
      ...entry,
      revision: revision === null ? null : String(revision),
      before: asText(before),
      after: asText(after),
      origin: asText(origin),
    }))
    await tx.execute(sql`
      insert into flagstaff.changes (actor, comment, trace_id, subject, action, project, environment, flag, segment, revision, before, after, origin)
      select ${author.actor}, ${author.comment}, ${author.traceId},
        subject, action, project, environment, flag, segment, revision, before::json, after::json, origin::json
      from json_to_recordset(${JSON.stringify(rows)}::json) as row
        (subject text, action text, project text, environment text, flag text, segment text, revision bigint, before text, after text, origin text)`)
  }
}

/** Lists changes, newest first. */
export function listChanges(database: Database, filter: ChangeFilter): Promise<ChangeRecord[]> {
  return database.read((db) => selectChanges(db, filter))
}

/** `listChanges()` on an open connection or transaction. */
export function selectChanges(db: Db | Transaction, filter: ChangeFilter): Promise<ChangeRecord[]> {
  const conditions: SQL[] = []
  for (const column of ['project', 'environment', 'flag', 'subject', 'actor'] as const) {
    const wanted = filter[column]
    if (wanted !== undefined) conditions.push(eq(changes[column], wanted))
  }
  if (filter.segment !== undefined) conditions.push(isAbout(filter.segment))
  if (filter.from) conditions.push(gte(changes.at, filter.from))
  if (filter.to) conditions.push(lt(changes.at, filter.to))
  if (filter.before !== undefined) conditions.push(lt(changes.id, filter.before))
  if (filter.upTo !== undefined) conditions.push(lte(changes.revision, filter.upTo))
  return db
    .select()
    .from(changes)
    .where(and(...conditions))
    .orderBy(desc(changes.id))
    .limit(filter.limit)
}

/** The last revision of an environment, also of a deleted one with the same name; 0 if there was none. */
export async function lastRevision(
  tx: Transaction,
  name: { readonly project: string; readonly environment: string },
): Promise<bigint> {
  const [row] = await tx
    .select({ last: max(changes.revision) })
    .from(changes)
    .where(and(eq(changes.project, name.project), eq(changes.environment, name.environment), gt(changes.revision, 0n)))
  return row?.last ?? 0n
}

/** The first condition is implied; it makes the index `changes_by_segment` usable. */
const isAbout = (segment: string): SQL =>
  sql`${changes.segment} is not null and (${changes.segment} = ${segment} or (${changes.action} = 'rename' and ${changes.before} ->> 'name' = ${segment}))`

/** Versions that a caller accepts to overwrite: these, any existing one, none, or (undefined) any or none. */
export type ExpectedVersion = readonly bigint[] | 'present' | 'absent' | undefined

/** Fails with `stale` unless `current` is what the caller expects; `current` is undefined if nothing is stored. */
export function expectRevision(expected: ExpectedVersion, current: bigint | undefined): void {
  if (expected === undefined) return
  if (current === undefined) {
    if (expected === 'absent') return
    throw new FlagError('stale', 'Cannot apply the change: nothing is there yet')
  }
  if (expected === 'present' || (expected !== 'absent' && expected.includes(current))) return
  throw new FlagError(
    'stale',
    `Cannot apply the change: the current version is "${current}", and not one that the request accepts`,
  )
}
