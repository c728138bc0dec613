import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, isNotNull, isNull } from 'drizzle-orm'
import type { Definition, FlagSetDocument } from '../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../flag/error.ts'
import { type Author, type NewChange, record } from './changes.ts'
import { checkSegmentChange } from './check-segments.ts'
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
import { type Written, writeDefinitions } from './write-definitions.ts'

export type Application = {
  readonly document: FlagSetDocument
  /** True removes what the document does not name, and archives flags that are then defined nowhere. Otherwise nothing is removed. */
  readonly prune: boolean
  readonly dryRun: boolean
  readonly strict: boolean
  readonly expected: Expected
  readonly author: Author
}
export type Applied = Written & { readonly segments: boolean; readonly metadata: boolean; readonly members: boolean }

/** Reads an environment whole; fails with `not_found`. */
export function exportFlagSet(
  database: Database,
  name: EnvironmentName,
): Promise<FlagSetDocument & { revision: bigint }> {
  return database.read((db) =>
    db.transaction(
      async (tx) => {
        const { id, revision, segments, metadata, members } = await readEnvironmentRow(tx, name)
        return { flags: await selectAll(tx, id), segments, metadata, members, revision }
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
    const wanted = nextSettings(environment, application)
    const changes = changesOf(environment, wanted)
    const next = nextDefinitions(present, application)
    const { mistakes, doubts } = checkSegmentChange(environment.segments, wanted.segments, staying(present, next))
    if (strict) refuseMistakes(mistakes)
    const written = await writeDefinitions(tx, environment, {
      next,
      settings:
        changes.segments || changes.metadata ? { segments: wanted.segments, metadata: wanted.metadata } : undefined,
      members: changes.members ? wanted.members : undefined,
      pointer: (key) => pointerTo('flags', key),
      author,
      strict,
      dryRun,
      archive: prune,
    })
    if ((changes.segments || changes.metadata || changes.members) && !dryRun)
      await record(tx, author, [settingsEntry(environment, wanted, written.revision)])
    return { ...written, ...changes, warnings: [...mistakes, ...doubts, ...written.warnings] }
  })
}

type Settings = Pick<EnvironmentRow, 'segments' | 'metadata' | 'members'>

/** Segments, metadata and other members as the document wants them. Without `prune` unmentioned names stay. */
function nextSettings(environment: EnvironmentRow, { document, prune }: Application): Settings {
  const { segments, metadata, members } = document
  if (prune) return { segments, metadata, members }
  return {
    segments: { ...environment.segments, ...segments },
    metadata: { ...environment.metadata, ...metadata },
    members: { ...environment.members, ...members },
  }
}

/** Which of them differ from what is stored. */
function changesOf(environment: EnvironmentRow, wanted: Settings) {
  const isChanged = (name: keyof Settings) => !isDeepStrictEqual(wanted[name], environment[name])
  return { segments: isChanged('segments'), metadata: isChanged('metadata'), members: isChanged('members') }
}

function nextDefinitions(
  present: ReadonlyMap<string, Definition>,
  { document, prune }: Application,
): Map<string, Definition | undefined> {
  const next = new Map<string, Definition | undefined>(document.flags)
  if (prune) for (const key of present.keys()) if (!next.has(key)) next.set(key, undefined)
  return next
}

/** The definitions that stay as they are: those that change are checked when they are written. */
function staying(
  present: ReadonlyMap<string, Definition>,
  next: ReadonlyMap<string, Definition | undefined>,
): Map<string, Definition> {
  return new Map([...present].filter(([key, flag]) => !next.has(key) || isDeepStrictEqual(next.get(key), flag)))
}

function settingsEntry(environment: EnvironmentRow, after: Settings, revision: bigint): NewChange {
  const { project, key, segments, metadata, members } = environment
  const before = { segments, metadata, members }
  return { subject: 'environment', action: 'update', project, environment: key, revision, before, after }
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
