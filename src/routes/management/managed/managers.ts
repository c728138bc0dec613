import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { readDocument } from '../../../flag/check/document.ts'
import { type FlagSetDocument, isRecord } from '../../../flag/definition.ts'
import { FlagError, type Mistake as FlagMistake, pointerTo } from '../../../flag/error.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import { errorOf } from '../../../middleware/problem.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { applyManaged, type ManagedResult } from '../../../repository/postgres/managed/apply-managed.ts'
import { listManagers, type Manager, releaseManager } from '../../../repository/postgres/managed/managers.ts'
import type { RefreshFlags } from '../environments.ts'
import {
  booleanText,
  Definition,
  EnvironmentPath,
  ManagerName,
  Mistake,
  metadata,
  pageOf,
  revision,
} from '../schemas.ts'
import { describeUnder, etagOf, type JsonBody, path, preconditionOf, query, readJson } from '../validation.ts'

const describe = describeUnder('Managers')
/** Refusals in one response at most. */
const REFUSED_MAX = 1_000

const ManagerPath = v.object({ ...EnvironmentPath.entries, manager: ManagerName })
const ManagedDocument = v.looseObject({
  flags: v.record(v.string(), Definition),
  $evaluators: v.optional(v.record(v.string(), v.unknown())),
  metadata: v.optional(metadata),
  keep: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description('JSON Pointers, such as /flags/a, of what stays as it is although it is not named'),
    ),
  ),
})
const option = (fallback: 'true' | 'false', description: string) =>
  v.optional(v.pipe(booleanText, v.description(description)), fallback)
const ManagedQuery = v.object({
  dryRun: option('false', 'Return what would happen and change nothing'),
  prune: option(
    'false',
    'Remove what the manager has and the document does not name: flags are archived unless another environment defines them. Otherwise it only loses its manager',
  ),
  adopt: option('false', 'Take over what exists and has no manager. Otherwise it is refused'),
  drift: v.optional(
    v.pipe(
      v.picklist(['correct', 'report']),
      v.description(
        'correct: others may not change what the manager has, and what they changed is overwritten. report: they may, and it is overwritten only when the document changes there',
      ),
    ),
    'correct',
  ),
})
const keys = (description: string) => v.pipe(v.array(v.string()), v.description(description))
const ManagedAnswer = v.object({
  revision,
  dryRun: v.boolean(),
  created: v.array(v.string()),
  updated: v.array(v.string()),
  removed: v.array(v.string()),
  adopted: keys('Flags that had no manager before'),
  released: keys('Flags that lost this manager, the removed ones included'),
  drifted: keys('JSON Pointers of what others have changed'),
  segments: v.pipe(v.boolean(), v.description('Whether segments changed')),
  metadata: v.pipe(v.boolean(), v.description('Whether the flag set’s metadata changed')),
  managed: v.pipe(v.number(), v.description('Flags that the manager has')),
  refused: v.pipe(
    v.array(Mistake),
    v.description(`What is left as it is, and why; at most ${REFUSED_MAX}, of one flag at most 5`),
  ),
  refusedLeftOut: v.optional(v.number()),
  warnings: v.array(Mistake),
})
const ListedManager = v.object({
  name: ManagerName,
  locked: v.pipe(v.boolean(), v.description('Whether others may not change what it manages')),
  flags: v.pipe(v.number(), v.description('How many flags it manages')),
  segments: v.array(v.string()),
  metadata: v.array(v.string()),
})

/** `…/environments/:environment/managers`: systems that manage a part of an environment, such as the operator of a Kubernetes cluster. */
export function managerRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  return new Hono()
    .get('/', describe('List managers', pageOf(ListedManager)), viewer, path(EnvironmentPath), async (c) => {
      const rows = await listManagers(database, c.req.valid('param'))
      return c.json({ items: rows.map(toJson), next: null })
    })
    .put(
      '/:manager',
      describe('Apply what a manager wants; what is wrong is refused by itself', ManagedAnswer, {
        body: ManagedDocument,
      }),
      editor,
      path(ManagerPath),
      query(ManagedQuery),
      async (c) => {
        const { manager, ...name } = c.req.valid('param')
        const { dryRun, ...options } = c.req.valid('query')
        const body = await readJson(c)
        const { document, refused } = readParts(body)
        const keep = keepIn(body.value)
        const ownership = { manager, ...options }
        const application = {
          document,
          refused,
          keep,
          ownership,
          dryRun,
          expected: preconditionOf(c),
          author: authorOf(c),
        }
        const result = await applyManaged(database, name, application)
        if (!dryRun) await refresh(`${name.project}/${name.environment}`)
        return c.json({ dryRun, ...resultToJson(result) }, 200, etagOf(result.revision))
      },
    )
    .delete(
      '/:manager',
      describe('Release what a manager has: it stays as it is, and everyone may change it'),
      editor,
      path(ManagerPath),
      async (c) => {
        const name = c.req.valid('param')
        await releaseManager(database, name, authorOf(c))
        await refresh(`${name.project}/${name.environment}`)
        return c.body(null, 204)
      },
    )
}

type Parts = { readonly document: FlagSetDocument; readonly refused: readonly FlagMistake[] }

/** Reads a document without the flags that have mistakes. Throws `invalid` for other mistakes. */
function readParts({ value, text }: JsonBody): Parts {
  const { source, mistakes } = readDocument(value, text)
  if (mistakes.length === 0) return { document: source, refused: [] }
  const flags = isRecord(value) && isRecord(value['flags']) ? value['flags'] : {}
  const isWrong = (key: string) =>
    mistakes.some(({ pointer }) => `${pointer}/`.startsWith(`${pointerTo('flags', key)}/`))
  const wrong = new Set(Object.keys(flags).filter(isWrong))
  const rest = Object.fromEntries(Object.entries(flags).filter(([key]) => !wrong.has(key)))
  const again = isRecord(value) ? readDocument({ ...value, flags: rest, keep: undefined }) : { source, mistakes }
  if (wrong.size === 0 || again.mistakes.length > 0)
    throw new FlagError('invalid', 'The document is not a flag set', { mistakes })
  return { document: again.source, refused: mistakes }
}

function keepIn(value: unknown): string[] {
  const { keep = [] } = isRecord(value) ? value : {}
  if (Array.isArray(keep) && keep.every((pointer) => typeof pointer === 'string')) return keep
  throw new FlagError('invalid', 'The body is invalid', {
    mistakes: [{ pointer: '/keep', message: 'must be a list of JSON Pointers' }],
  })
}

function resultToJson({ changed, refused, warnings, ...result }: ManagedResult) {
  const keysOf = (isWanted: (before: unknown, after: unknown) => boolean) =>
    changed.filter(({ before, after }) => isWanted(before, after)).map(({ key }) => key)
  const left = refused.length - REFUSED_MAX
  return {
    ...result,
    revision: Number(result.revision),
    created: keysOf((before) => before === undefined),
    updated: keysOf((before, after) => before !== undefined && after !== undefined),
    removed: keysOf((_, after) => after === undefined),
    refused: refused.slice(0, REFUSED_MAX).map(errorOf),
    ...(left > 0 && { refusedLeftOut: left }),
    warnings: warnings.map(errorOf),
  }
}

const toJson = ({ name, locked, flags, segments, metadata }: Manager) => ({
  name,
  locked,
  flags,
  segments: Object.keys(segments),
  metadata: Object.keys(metadata),
})
