import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, isNotNull, isNull } from 'drizzle-orm'
import { checkDefinition, checkSegments } from '../flag/check.ts'
import type { Definition, FlagSetSource } from '../flag/definition.ts'
import { FlagError, type Mistake } from '../flag/error.ts'
import { pointerTo } from '../flag/pointer.ts'
import { type Author, type NewChange, record } from './changes.ts'
import type { Database, Db, Transaction } from './database.ts'
import {
  type EnvironmentName,
  type EnvironmentRow,
  type Expected,
  expectRevision,
  lockEnvironment,
  readEnvironmentRow,
} from './revision.ts'
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
export function exportFlagSet(
  database: Database,
  name: EnvironmentName,
): Promise<FlagSetDocument & { revision: bigint }> {
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
    const { author, prune, strict, dryRun } = application
    const environment = await lockEnvironment(tx, name)
    expectRevision(application.expected, environment.revision)
    const present = await selectAll(tx, environment.id)
    const settings = nextSettings(environment, application)
    const next = nextDefinitions(present, application)
    const warnings = settings ? checkSegments(settings.segments) : []
    if (settings && strict) refuseMistakes([...warnings, ...usersOf(settings.segments, present, next)])
    const pointer = (key: string) => pointerTo('flags', key)
    const written = await writeDefinitions(tx, environment, {
      next,
      settings,
      pointer,
      author,
      strict,
      dryRun,
      archive: prune,
    })
    if (settings && !dryRun) await record(tx, author, [settingsEntry(environment, settings, written.revision)])
    return {
      ...written,
      segments: settings !== undefined && !isDeepStrictEqual(settings.segments, environment.segments),
      metadata: settings !== undefined && !isDeepStrictEqual(settings.metadata, environment.metadata),
      warnings: [...warnings, ...written.warnings],
    }
  })
}

type Settings = Pick<EnvironmentRow, 'segments' | 'metadata'>

/** Segments and metadata as the document wants them; undefined when they are so already. Without `prune` unmentioned names stay. */
function nextSettings(environment: EnvironmentRow, { document, prune }: Application): Settings | undefined {
  const next: Settings = prune
    ? { segments: document.segments, metadata: document.metadata }
    : {
        segments: { ...environment.segments, ...document.segments },
        metadata: { ...environment.metadata, ...document.metadata },
      }
  const { segments, metadata } = environment
  return isDeepStrictEqual(next, { segments, metadata }) ? undefined : next
}

function nextDefinitions(
  present: ReadonlyMap<string, Definition>,
  { document, prune }: Application,
): Map<string, Definition | undefined> {
  const next = new Map<string, Definition | undefined>(document.flags)
  if (prune) for (const key of present.keys()) if (!next.has(key)) next.set(key, undefined)
  return next
}

function settingsEntry(
  { project, key, segments, metadata }: EnvironmentRow,
  after: Settings,
  revision: bigint,
): NewChange {
  return {
    subject: 'environment',
    action: 'update',
    project,
    environment: key,
    revision,
    before: { segments, metadata },
    after,
  }
}

/** What changed segments make wrong about the flags that will stand, in the document or not. */
function usersOf(
  segments: EnvironmentRow['segments'],
  present: ReadonlyMap<string, Definition>,
  next: ReadonlyMap<string, Definition | undefined>,
): Mistake[] {
  const standing = new Map<string, Definition | undefined>([...present, ...next])
  return [...standing].flatMap(([key, definition]) =>
    definition ? checkDefinition(definition, segments, pointerTo('flags', key)) : [],
  )
}

function refuseMistakes(mistakes: readonly Mistake[]): void {
  if (mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot store the segments: they, or flags that use them, have mistakes', {
      mistakes,
    })
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
