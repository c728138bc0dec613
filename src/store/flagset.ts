import { and, asc, eq, isNotNull, isNull } from 'drizzle-orm'
import { isDeepStrictEqual } from 'node:util'
import { checkDefinition, checkSegments } from '../flag/check.ts'
import type { Definition, FlagSetSource } from '../flag/definition.ts'
import { FlagError, type Mistake } from '../flag/error.ts'
import { pointerTo } from '../flag/pointer.ts'
import type { Author } from './changes.ts'
import { record } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import { type Expected, type EnvironmentName, type EnvironmentRow, expectRevision, lockEnvironment, readEnvironmentRow } from './revision.ts'
import { definitions, flags } from './tables.ts'
import { type Written, writeDefinitions } from './write.ts'

/** A whole environment as one document. */
export type FlagSetDocument = Omit<FlagSetSource, 'bucketing'>

export type Application = {
  readonly document: FlagSetDocument
  /** True removes what the document does not name, and archives flags that are then defined nowhere. Otherwise nothing is removed. */
  readonly prune: boolean
  readonly dryRun: boolean
  readonly strict: boolean
  readonly expected: Expected
  readonly author: Author
}
export type Applied = Written & { readonly segments: boolean; readonly metadata: boolean }

/** Reads an environment whole; fails with `not_found`. */
export function exportFlagSet(database: Database, name: EnvironmentName): Promise<FlagSetDocument & { revision: bigint }> {
  return database.read((db) =>
    db.transaction(
      async (tx) => {
        const { id, revision, segments, metadata } = await readEnvironmentRow(tx, name)
        return { flags: await selectAll(tx, id), segments, metadata, revision }
      },
      { isolationLevel: 'repeatable read', accessMode: 'read only' },
    ),
  )
}

/** Makes an environment say what the document says, in one transaction under one revision. */
export function applyFlagSet(database: Database, name: EnvironmentName, application: Application): Promise<Applied> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, name)
    expectRevision(application.expected, environment.revision)
    const present = await selectAll(tx, environment.id)
    const settings = nextSettings(environment, application)
    const segments = !isDeepStrictEqual(settings.segments, environment.segments)
    const metadata = !isDeepStrictEqual(settings.metadata, environment.metadata)
    const next = new Map<string, Definition | undefined>(application.document.flags)
    if (application.prune) for (const key of present.keys()) if (!next.has(key)) next.set(key, undefined)
    const warnings = segments ? checkSegments(settings.segments) : []
    if (segments && application.strict) refuseMistakes([...warnings, ...usersOf(settings.segments, present, next)])
    const written = await writeDefinitions(tx, environment, {
      next,
      settings: segments || metadata ? settings : undefined,
      pointer: (key) => pointerTo('flags', key),
      author: application.author,
      strict: application.strict,
      dryRun: application.dryRun,
      archive: application.prune,
    })
    if ((segments || metadata) && !application.dryRun)
      await record(tx, application.author, [
        {
          subject: 'environment', action: 'update', ...name, revision: written.revision,
          before: { segments: environment.segments, metadata: environment.metadata }, after: settings,
        },
      ])
    return { ...written, segments, metadata, warnings: [...warnings, ...written.warnings] }
  })
}

/** Without `prune` nothing is removed: names that the document does not mention keep what they have. */
function nextSettings(environment: EnvironmentRow, { document, prune }: Application) {
  const { segments, metadata } = document
  if (prune) return { segments, metadata }
  return { segments: { ...environment.segments, ...segments }, metadata: { ...environment.metadata, ...metadata } }
}

/** What changed segments make wrong about the flags that will stand, in the document or not. */
function usersOf(segments: EnvironmentRow['segments'], present: ReadonlyMap<string, Definition>, next: ReadonlyMap<string, Definition | undefined>): Mistake[] {
  const standing = new Map<string, Definition | undefined>([...present, ...next])
  return [...standing].flatMap(([key, definition]) => (definition ? checkDefinition(definition, segments, pointerTo('flags', key)) : []))
}

function refuseMistakes(mistakes: readonly Mistake[]): void {
  if (mistakes.length > 0) throw new FlagError('invalid', 'Cannot store the segments: they, or flags that use them, have mistakes', { mistakes })
}

/** The live definitions of an environment in the order in which their flags were created. */
async function selectAll(db: Db | Transaction, environmentId: bigint): Promise<Map<string, Definition>> {
  const rows = await db
    .select({ key: flags.key, definition: definitions.definition })
    .from(definitions)
    .innerJoin(flags, and(eq(flags.id, definitions.flagId), isNull(flags.archivedAt)))
    .where(and(eq(definitions.environmentId, environmentId), isNotNull(definitions.definition)))
    .orderBy(asc(flags.id))
  return new Map(rows.flatMap(({ key, definition }) => (definition ? [[key, definition] as const] : [])))
}
