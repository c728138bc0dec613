import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { checkJson } from '../../../flag/check/json.ts'
import { isRecord } from '../../../flag/definition.ts'
import { FlagError, type Mistake as FlagMistake } from '../../../flag/error.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import { errorOf } from '../../../middleware/problem.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import {
  type ChangedSegment,
  changeSegment,
  deleteSegment,
  renameSegment,
  shownUsers,
} from '../../../repository/postgres/rules/change-segment.ts'
import {
  type ListedSegment,
  listSegments,
  readSegment,
  type StoredSegment,
} from '../../../repository/postgres/rules/segments.ts'
import type { RefreshFlags } from '../environments.ts'
import {
  booleanText,
  EnvironmentKey,
  EnvironmentPath,
  Mistake,
  nextKey,
  Page,
  ProjectKey,
  pageOf,
  revision,
  SegmentName,
  UsedBy,
} from '../schemas.ts'
import { body, describeUnder, etagOf, mergePatch, path, preconditionOf, query, readJson } from '../validation.ts'

const describe = describeUnder('Segments')
/** Users of each kind in a list, for each segment. */
const LISTED_USERS_MAX = 20
/** Keys of affected flags in one response. */
const AFFECTED_MAX = 1_000

const SegmentPath = v.object({ project: ProjectKey, environment: EnvironmentKey, name: SegmentName })
const SegmentBody = v.pipe(
  v.object({ rule: v.unknown() }),
  v.description('`rule`: a rule in JSONLogic with flagd’s operators, or a list of constants'),
)
const Segment = v.object({
  name: SegmentName,
  rule: v.unknown(),
  revision: v.pipe(revision, v.description('Revision of its last change; its ETag')),
  references: v.pipe(v.array(v.string()), v.description('The segments that its rule refers to')),
  usedBy: v.optional(UsedBy),
})
const WrittenSegment = v.object({
  name: SegmentName,
  rule: v.unknown(),
  revision: v.pipe(
    revision,
    v.description('Of the last change of the segment, before a dry run as after it; 0 if it does not exist'),
  ),
  dryRun: v.boolean(),
  affects: v.pipe(
    v.array(v.string()),
    v.description(`Keys of the flags that may evaluate differently, at most ${AFFECTED_MAX}`),
  ),
  affectsCount: v.number(),
  warnings: v.optional(v.array(Mistake)),
})
const ListQuery = v.object({
  ...Page.entries,
  usedBy: v.optional(
    v.pipe(booleanText, v.description(`Adds \`usedBy\`, with at most ${LISTED_USERS_MAX} users of each kind`)),
    'false',
  ),
})
const dryRun = v.optional(v.pipe(booleanText, v.description('Check, and change nothing')), 'false')
const WriteQuery = v.object({ dryRun })
const DeleteQuery = v.object({
  dryRun,
  force: v.optional(
    v.pipe(booleanText, v.description('Delete it also if it is in use, but by disabled flags only')),
    'false',
  ),
})
const Renaming = v.strictObject({ to: SegmentName })

/** `…/environments/:environment/segments`: rules that flags share by name (flagd's `$evaluators`). */
export function segmentRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  const refreshed = async <T>(
    { project, environment }: { project: string; environment: string },
    { dryRun }: { dryRun: boolean },
    written: Promise<T>,
  ): Promise<T> => {
    const result = await written
    if (!dryRun) await refresh(`${project}/${environment}`)
    return result
  }
  return new Hono()
    .get(
      '/',
      describe('List the segments of an environment', pageOf(Segment)),
      viewer,
      path(EnvironmentPath),
      query(ListQuery),
      async (c) => {
        const page = c.req.valid('query')
        const rows = await listSegments(database, c.req.valid('param'), page)
        const named = rows.map(({ name: key }) => ({ key }))
        return c.json({ items: rows.map((row) => toJson(row, LISTED_USERS_MAX)), next: nextKey(named, page.limit) })
      },
    )
    .get('/:name', describe('Read a segment', Segment), viewer, path(SegmentPath), async (c) => {
      const row = await readSegment(database, nameOf(c.req.valid('param')))
      return c.json(toJson(row), 200, etagOf(row.revision))
    })
    .put(
      '/:name',
      describe('Create or replace a segment', WrittenSegment, { body: SegmentBody }),
      editor,
      path(SegmentPath),
      query(WriteQuery),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const { rule } = ruleIn(await readJson(c))
        const write = { ...writeOf(c), ...c.req.valid('query'), next: () => rule }
        return writtenResponse(c, await refreshed(name, write, changeSegment(database, name, write)), write)
      },
    )
    .patch(
      '/:name',
      describe('Change parts of a segment (JSON Merge Patch, RFC 7396)', WrittenSegment, { body: SegmentBody }),
      editor,
      path(SegmentPath),
      query(WriteQuery),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const patch = await readJson(c)
        ruleIn(patch)
        const next = (before: StoredSegment | undefined) => {
          if (!before) throw new FlagError('not_found', `Segment "${name.segment}" does not exist; PUT creates it`)
          return ruleIn({ value: mergePatch({ rule: before.rule }, patch.value) }).rule
        }
        const write = { ...writeOf(c), ...c.req.valid('query'), next }
        return writtenResponse(c, await refreshed(name, write, changeSegment(database, name, write)), write)
      },
    )
    .delete(
      '/:name',
      describe('Delete a segment that is not in use'),
      editor,
      path(SegmentPath),
      query(DeleteQuery),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const write = { ...writeOf(c), ...c.req.valid('query') }
        await refreshed(name, write, deleteSegment(database, name, write))
        return c.body(null, 204)
      },
    )
    .post(
      '/:name/rename',
      describe('Rename a segment, in all rules that refer to it', WrittenSegment),
      editor,
      path(SegmentPath),
      query(WriteQuery),
      body(Renaming),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const write = { ...writeOf(c), ...c.req.valid('query'), ...c.req.valid('json') }
        return writtenResponse(c, await refreshed(name, write, renameSegment(database, name, write)), write)
      },
    )
}

const nameOf = ({ name, ...environment }: v.InferOutput<typeof SegmentPath>) => ({ ...environment, segment: name })

const writeOf = (c: Context) => ({ expected: preconditionOf(c), author: authorOf(c) })

/** The depth of the body, so that its rule is as deep as in the document of a flag set. */
const BODY_DEPTH = 1

/** The body of a segment, as it was sent: a schema library drops members such as "constructor". Throws `invalid`. */
function ruleIn({ value, text }: { value: unknown; text?: string }): { rule: unknown } {
  const mistakes = checkJson(value, { depth: BODY_DEPTH, text })
  if (mistakes.length > 0) throw invalid(mistakes)
  if (!isRecord(value)) throw invalid([{ pointer: '', message: 'must be an object with the member "rule"' }])
  const others = Object.keys(value).filter((member) => member !== 'rule')
  if (others.length > 0 || !Object.hasOwn(value, 'rule'))
    throw invalid([{ pointer: '', message: 'must have the member "rule" and no other' }])
  return { rule: value['rule'] }
}

const invalid = (mistakes: readonly FlagMistake[]) => new FlagError('invalid', 'The body is invalid', { mistakes })

function writtenResponse(c: Context, { affects, warnings, ...segment }: ChangedSegment, write: { dryRun: boolean }) {
  const result = {
    ...segment,
    revision: Number(segment.revision),
    dryRun: write.dryRun,
    affects: affects.slice(0, AFFECTED_MAX),
    affectsCount: affects.length,
    ...(warnings.length > 0 && { warnings: warnings.map(errorOf) }),
  }
  return c.json(result, 200, segment.revision > 0n ? etagOf(segment.revision) : undefined)
}

const toJson = ({ usedBy, revision, ...segment }: ListedSegment, usersMax?: number) => ({
  ...segment,
  revision: Number(revision),
  ...(usedBy && { usedBy: shownUsers(usedBy, usersMax) }),
})
