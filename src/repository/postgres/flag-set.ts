import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { checkDefinitionIn } from '../../flag/check/definition.ts'
import { checkRule } from '../../flag/check/rule.ts'
import type { Definition, FlagSetDocument, SegmentRules } from '../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../flag/error.ts'
import { compileSegments } from '../../flag/rules/segments.ts'
import { type Author, type ExpectedVersion, expectRevision, type NewChangeRecord, recordChanges } from './changes.ts'
import type { Database } from './database.ts'
import { type EnvironmentName, type EnvironmentRow, lockEnvironment, readEnvironmentRow } from './environments.ts'
import { selectAll } from './needs/all-definitions.ts'
import { generatedSegments, writtenSegments } from './needs/generated.ts'
import { settleDefinitions } from './plans/settle.ts'
import { checkSegmentChange, type SegmentFindings } from './rules/segment-change.ts'
import { type WriteResult, writeDefinitions } from './write-definitions.ts'

export type FlagSetApplication = {
  readonly document: FlagSetDocument
  /** True removes what the document does not contain, and archives flags that no environment defines any more. */
  readonly prune: boolean
  readonly dryRun: boolean
  readonly strict: boolean
  readonly expected: ExpectedVersion
  readonly author: Author
}
export type AppliedFlagSet = WriteResult & {
  readonly segments: boolean
  readonly metadata: boolean
  readonly members: boolean
}

/** Reads a whole environment in one snapshot of the database. Fails with `not_found`. */
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

/** Applies a document to an environment, under one revision. Fails with `not_found`, `stale` or `invalid`. */
export function applyFlagSet(
  database: Database,
  name: EnvironmentName,
  application: FlagSetApplication,
): Promise<AppliedFlagSet> {
  return database.write(async (tx) => {
    const { author, prune, strict, dryRun } = application
    const environment = await lockEnvironment(tx, name)
    expectRevision(application.expected, environment.revision)
    const present = await selectAll(tx, environment.id)
    const wanted = nextSettings(environment, application)
    const changes = changesOf(environment, wanted)
    const next = nextDefinitions(present, { ...application, document: settled(present, application.document, wanted) })
    const { mistakes, doubts } = checkSegments(environment.segments, wanted.segments, {
      flags: unchangedOf(present, next),
      strict,
    })
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
    if ((changes.metadata || changes.members) && !dryRun)
      await recordChanges(tx, author, [settingsEntry(environment, wanted, written.revision)])
    return { ...written, ...changes, warnings: [...mistakes, ...doubts, ...written.warnings] }
  })
}

/** Throws `invalid` if flagd could not load the segments, and if `strict` for any mistake of the change. */
function checkSegments(
  before: SegmentRules,
  after: SegmentRules,
  { flags, strict }: { flags: ReadonlyMap<string, Definition>; strict: boolean },
): SegmentFindings {
  const findings = checkSegmentChange(before, after, flags)
  const { unfit, mistakes } = findings
  if (unfit.length > 0)
    throw new FlagError('invalid', 'Cannot store the segments: flagd could not load them', { mistakes: unfit })
  if (strict && mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot store the segments: they, or flags that use them, have mistakes', {
      mistakes,
    })
  return findings
}

/** The document with the rules of its plans, so that it is compared with what is stored. Throws `invalid`. */
function settled(
  present: ReadonlyMap<string, Definition>,
  document: FlagSetDocument,
  { segments }: Pick<DocumentSettings, 'segments'>,
): FlagSetDocument {
  const { definitions: settledFlags, mistakes } = settleDefinitions(document.flags, {
    stored: (key) => present.get(key),
    segments,
    pointer: (key) => pointerTo('flags', key),
  })
  if (mistakes.size === 0) return { ...document, flags: settledFlags }
  throw new FlagError('invalid', 'Cannot store the flags: their plans have mistakes', {
    mistakes: [...mistakes.values()].flat(),
  })
}

type DocumentSettings = Pick<EnvironmentRow, 'segments' | 'metadata' | 'members'>

/**
 * Segments, metadata and other members after the change. Without `prune`, entries missing from the document stay. Segments that are generated
 * count as those of this environment, whatever the document has.
 */
function nextSettings(environment: EnvironmentRow, { document, prune }: FlagSetApplication): DocumentSettings {
  const { metadata, members } = document
  const segments = writtenSegments(document.segments)
  if (prune) return { segments: { ...generatedSegments(environment.segments), ...segments }, metadata, members }
  return {
    segments: { ...environment.segments, ...segments },
    metadata: { ...environment.metadata, ...metadata },
    members: { ...environment.members, ...members },
  }
}

/** The members that differ from the stored ones. */
function changesOf(environment: EnvironmentRow, wanted: DocumentSettings) {
  const isChanged = (name: keyof DocumentSettings) => !isDeepStrictEqual(wanted[name], environment[name])
  return { segments: isChanged('segments'), metadata: isChanged('metadata'), members: isChanged('members') }
}

function nextDefinitions(
  present: ReadonlyMap<string, Definition>,
  { document, prune }: FlagSetApplication,
): Map<string, Definition | undefined> {
  const next = new Map<string, Definition | undefined>(document.flags)
  if (prune) for (const key of present.keys()) if (!next.has(key)) next.set(key, undefined)
  return next
}

/** The unchanged definitions. Changed ones are checked when they are written. */
function unchangedOf(
  present: ReadonlyMap<string, Definition>,
  next: ReadonlyMap<string, Definition | undefined>,
): Map<string, Definition> {
  return new Map([...present].filter(([key, flag]) => !next.has(key) || isDeepStrictEqual(next.get(key), flag)))
}

/** The change record of metadata and other members. */
export function settingsEntry(environment: EnvironmentRow, after: DocumentSettings, revision: bigint): NewChangeRecord {
  const { project, key } = environment
  const documentSettings = ({ metadata, members }: DocumentSettings) => ({ metadata, members })
  const before = documentSettings(environment)
  return {
    subject: 'environment',
    action: 'update',
    project,
    environment: key,
    revision,
    before,
    after: documentSettings(after),
  }
}

/** The mistakes in one flag or segment. Pointers refer to the exported document. */
export type FlagSetProblem = {
  readonly subject: 'flag' | 'segment'
  readonly key: string
  readonly mistakes: readonly Mistake[]
}

/** A page of problems, and the cursor of the next page; null at the end. */
export type ProblemPage = {
  readonly revision: bigint
  readonly items: readonly FlagSetProblem[]
  readonly next: string | null
}

/** Checks in one turn of the event loop; about 5 ms. */
const CHECKS_PER_TURN = 100

/** Lists flags and segments that have mistakes, flags first, ordered by key, after the cursor `after`. Fails with `not_found`. */
export async function findProblems(
  database: Database,
  name: EnvironmentName,
  { after, limit }: { after: string; limit: number },
): Promise<ProblemPage> {
  const { revision, ...document } = await exportFlagSet(database, name)
  const items: FlagSetProblem[] = []
  let checked = 0
  for (const { subject, key, cursor, check } of checksOf(document)) {
    if (cursor <= after) continue
    const mistakes = check()
    if (mistakes.length > 0) items.push({ subject, key, mistakes })
    if (items.length === limit) return { revision, items, next: cursor }
    checked += 1
    if (checked % CHECKS_PER_TURN === 0) await setImmediate()
  }
  return { revision, items, next: null }
}

/** Lazy checks of all flags and segments, in the order of their cursors. */
function checksOf({ flags, segments }: FlagSetDocument) {
  const { compiled } = compileSegments(segments, 'v2')
  const ofFlags = [...flags].map(([key, definition]) => {
    const check = () => checkDefinitionIn(definition, compiled, pointerTo('flags', key))
    return { subject: 'flag' as const, key, cursor: `flag:${key}`, check }
  })
  const ofSegments = Object.entries(segments).map(([key, rule]) => {
    const check = () => checkRule(rule, compiled, pointerTo('$evaluators', key))
    return { subject: 'segment' as const, key, cursor: `segment:${key}`, check }
  })
  return [...ofFlags, ...ofSegments].sort((one, other) => (one.cursor < other.cursor ? -1 : 1))
}
