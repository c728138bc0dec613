import { isDeepStrictEqual } from 'node:util'
import { sql } from 'drizzle-orm'
import { checkDefinition } from '../../flag/check/definition.ts'
import { checkSeeds } from '../../flag/check/seeds.ts'
import type { Definition } from '../../flag/definition.ts'
import { FlagError, type Mistake } from '../../flag/error.ts'
import { asText, batches } from './batches.ts'
import { type Author, type NewChange, record } from './changes.ts'
import type { Transaction } from './database.ts'
import {
  archiveOrphans,
  type Changes,
  checkTypes,
  type Difference,
  lockFlags,
  type Stored,
  takeIn,
} from './flag-rows.ts'
import { type EnvironmentRow, raiseRevision } from './revision.ts'

/** What shall be written to a locked environment. */
export type Write = {
  /** What shall stand under each key; undefined removes. Keys that are not named stay as they are. */
  readonly next: ReadonlyMap<string, Definition | undefined>
  /** New segments and metadata, when they change too. */
  readonly settings?: Pick<EnvironmentRow, 'segments' | 'metadata'> | undefined
  /** Other members of the document, when they change. */
  readonly members?: EnvironmentRow['members'] | undefined
  /** JSON Pointer to a key's definition in the caller's document. */
  readonly pointer: (key: string) => string
  readonly author: Author
  readonly action?: 'rollback'
  /** False stores definitions whose rules are wrong; each is then isolated at evaluation. */
  readonly strict?: boolean
  /** True works out the difference and writes nothing. */
  readonly dryRun?: boolean
  /** True archives the identity of a removed flag that no other environment defines. */
  readonly archive?: boolean
}

/** `revision` is the new one, or the old one when nothing differed. `warnings`: rule mistakes that were let pass, and doubts. */
export type Written = {
  readonly revision: bigint
  readonly changed: readonly Difference[]
  readonly warnings: readonly Mistake[]
}

/** Writes definitions of a locked environment: all of them under one new revision, each with its change record. */
export async function writeDefinitions(tx: Transaction, environment: EnvironmentRow, write: Write): Promise<Written> {
  const stored = await lockFlags(tx, environment, [...write.next.keys()])
  const changed = differences(stored, write.next)
  const warnings = checkRules(changed, write.settings?.segments ?? environment.segments, write)
  if (write.dryRun || (changed.length === 0 && !write.settings && !write.members))
    return { revision: environment.revision, changed, warnings }

  await checkTypes(tx, environment, { changed, stored, pointer: write.pointer })
  const revision = await raiseRevision(tx, environment.id, write)
  const arrived = await takeIn(tx, environment, { changed, stored })
  await store(tx, environment, { changed, stored, revision })
  const archived = write.archive ? await archiveOrphans(tx, environment, { changed, stored }) : []
  const names = { project: environment.project, environment: environment.key, revision }
  await record(tx, write.author, [
    ...arrived.map((entry) => ({ ...names, ...entry })),
    ...changed.map((difference) => ({ ...names, ...entryOf(difference, write.action) })),
    ...archived.map((entry) => ({ ...names, ...entry })),
  ])
  return { revision, changed, warnings }
}

function differences(stored: ReadonlyMap<string, Stored>, next: Write['next']): Difference[] {
  const changed: Difference[] = []
  for (const [key, after] of next) {
    const before = stored.get(key)?.definition
    if (!isDeepStrictEqual(before, after)) changed.push({ key, before, after })
  }
  return changed
}

/** Refuses wrong rules here, with their places, so that they are never met at evaluation. */
function checkRules(changed: readonly Difference[], segments: EnvironmentRow['segments'], write: Write): Mistake[] {
  const mistakes = changed.flatMap(({ key, after }) =>
    after ? checkDefinition(after, segments, write.pointer(key)) : [],
  )
  if (mistakes.length === 0 || write.strict === false) return [...mistakes, ...doubts(changed, write)]
  throw new FlagError('invalid', 'Cannot store the flags: their definitions have mistakes', { mistakes })
}

/** What is no mistake, but answers otherwise in another engine. */
function doubts(changed: readonly Difference[], write: Write): Mistake[] {
  return changed.flatMap(({ key, after }) => checkSeeds(after?.targeting, `${write.pointer(key)}/targeting`))
}

async function store(
  tx: Transaction,
  environment: EnvironmentRow,
  write: Changes & { revision: bigint },
): Promise<void> {
  const rows = write.changed.flatMap(({ key, after }) => {
    const flag = write.stored.get(key)
    return flag ? [{ flag_id: String(flag.id), definition: asText(after) }] : []
  })
  for (const batch of batches(rows))
    await tx.execute(sql`
      insert into flagstaff.definitions (environment_id, flag_id, definition, revision)
      select ${String(environment.id)}::bigint, row.flag_id, row.definition::json, ${String(write.revision)}::bigint
      from json_to_recordset(${JSON.stringify(batch)}::json) as row(flag_id bigint, definition text)
      on conflict (environment_id, flag_id) do update set definition = excluded.definition, revision = excluded.revision`)
}

function entryOf({ key, before, after }: Difference, action?: 'rollback'): NewChange {
  const verb = before ? (after ? 'update' : 'delete') : 'create'
  return { subject: 'definition', action: action ?? verb, flag: key, before: before ?? null, after: after ?? null }
}
