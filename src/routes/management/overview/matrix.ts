import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { cellEvidence } from '../../../flag/stale/status.ts'
import { summaryOf } from '../../../flag/summary.ts'
import { authorize, scopeToKey } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import type { FlagRow } from '../../../repository/postgres/flags.ts'
import {
  type MatrixCellRow,
  type MatrixEnvironmentRow,
  type MatrixRows,
  readMatrix,
} from '../../../repository/postgres/overview/matrix.ts'
import { readProjectVersion } from '../../../repository/postgres/overview/project-version.ts'
import { matchesEtag } from '../../ofrep/etag.ts'
import {
  EnvironmentKey,
  FlagKey,
  instant,
  lastEvaluatedAt,
  managedBy,
  nextKey,
  ProjectKey,
  ProjectPath,
  revision,
  text,
} from '../schemas.ts'
import { describeUnder, path, query } from '../validation.ts'
import { MatrixCache, type MatrixPart } from './matrix-cache.ts'
import { type CellScope, staleFactsOf } from './stale-facts.ts'

const describe = describeUnder('Flags')

const FLAGS_MAX = 5_000
const ENVIRONMENTS_MAX = 100
const HOURS = 24

const MatrixQuery = v.object({
  environments: v.optional(
    v.pipe(
      v.string(),
      v.transform((list) => list.split(',')),
      v.array(EnvironmentKey),
      v.maxLength(ENVIRONMENTS_MAX),
      v.description('Keys of environments, separated by commas; all by default'),
    ),
  ),
  limit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,4}$/),
      v.transform(Number),
      v.minValue(1),
      v.maxValue(FLAGS_MAX),
      v.description('Flags at most (5000); a part has fewer where the environments are many'),
    ),
    String(FLAGS_MAX),
  ),
  after: v.optional(v.pipe(text(256), v.description('Key to continue after: `next` of the previous part')), ''),
})

const Cell = v.object({
  revision: v.pipe(
    revision,
    v.description('Of the last change of the flag in this environment; 0 if it was never there'),
  ),
  state: v.pipe(
    v.picklist(['on', 'off', 'held', 'partial', 'disabled', 'absent']),
    v.description('partial: it depends on the user; held: a first rule that is always true; absent: no definition'),
  ),
  served: v.pipe(v.string(), v.description('What is served, in words, such as "on for 10 %"')),
  variant: v.pipe(v.nullable(v.string()), v.description('The variant of all users; null if it depends on the user')),
  evaluations24h: v.optional(
    v.pipe(v.array(v.number()), v.description('Evaluations by hour, the current hour last; absent if there were none')),
  ),
  lastEvaluatedAt,
  managedBy: v.optional(managedBy),
  stale: v.pipe(
    v.nullable(v.picklist(['never_evaluated', 'not_evaluated', 'one_answer'])),
    v.description(
      'Evidence that the flag is no longer needed here, by the thresholds of the project; `stale` has all of it',
    ),
  ),
})
const Matrix = v.object({
  project: ProjectKey,
  environments: v.array(
    v.object({
      key: EnvironmentKey,
      name: v.string(),
      position: v.number(),
      protected: v.boolean(),
      revision,
    }),
  ),
  flags: v.array(
    v.object({
      key: FlagKey,
      type: v.picklist(['boolean', 'string', 'number', 'object']),
      description: v.string(),
      owner: v.string(),
      tags: v.array(v.string()),
      permanent: v.boolean(),
      archivedAt: v.nullable(instant('When it was archived')),
      createdAt: instant('Creation'),
      environments: v.record(v.string(), Cell),
    }),
  ),
  next: v.pipe(v.nullable(v.string()), v.description('Where the next part starts; null at the end')),
})
type MatrixCell = v.InferOutput<typeof Cell>

/** `/api/v1/projects/:project/matrix`: all flags of a project in all of its environments, for lists. `nowMs`: since 1970. */
export function matrixRoutes(database: Database, authenticate: Authenticate, nowMs: () => number): Hono {
  const matrices = new MatrixCache({
    readVersion: (project) => versionOf(database, project),
    readBody: (project, part, now) => readBody(database, project, part, now),
    now: nowMs,
  })
  return new Hono().get(
    '/',
    describe('Read the flags of a project with what each environment serves', Matrix),
    authorize(authenticate, 'viewer'),
    path(ProjectPath),
    query(MatrixQuery),
    compress({ encoding: 'gzip' }),
    async (c) => {
      const { project } = c.req.valid('param')
      const { limit, after, environments } = c.req.valid('query')
      const { body, etag } = await matrices.read(project, {
        environments: environmentsOf(c, environments),
        limit,
        after,
      })
      const headers = { etag, 'cache-control': 'private, no-cache' }
      if (matchesEtag(c.req.header('if-none-match') ?? null, etag)) return c.body(null, 304, headers)
      return c.body(body, 200, { ...headers, 'content-type': 'application/json' })
    },
  )
}

/** The environments that the request names, or that of its key. Throws `forbidden` if the key is for another one. */
function environmentsOf(c: Context, named: readonly string[] | undefined): readonly string[] | undefined {
  for (const environment of named ?? []) scopeToKey(c, { environment })
  const { environment } = scopeToKey<{ environment?: string }>(c, {})
  return environment === undefined ? named : [environment]
}

/** What the version of a project says about its matrix: keys are not in it. */
async function versionOf(database: Database, project: string): Promise<string> {
  const { id, environments, flags } = await readProjectVersion(database, project)
  return JSON.stringify([id, environments, flags])
}

async function readBody(database: Database, project: string, part: MatrixPart, now: number): Promise<string> {
  const rows = await readMatrix(database, project, { ...part, now: new Date(now) })
  return JSON.stringify({ project, ...toJson(rows, now), next: nextKey(rows.flags, rows.limit) })
}

function toJson({ environments, flags, cells, thresholds }: MatrixRows, now: number): object {
  const byFlag = new Map<string, MatrixCellRow[]>()
  for (const cell of cells) {
    const own = byFlag.get(cell.flagId)
    if (own) own.push(cell)
    else byFlag.set(cell.flagId, [cell])
  }
  return {
    environments: environments.map(({ id: _, segments: __, lastSyncAt: ___, revision, ...environment }) => ({
      ...environment,
      revision: Number(revision),
    })),
    flags: flags.map((flag) => {
      const own = byFlag.get(String(flag.id)) ?? []
      const cellIn = (environment: MatrixEnvironmentRow) =>
        cellOf(
          flag,
          own.find(({ environmentId }) => environmentId === String(environment.id)),
          {
            environment,
            thresholds,
            now,
          },
        )
      const { key, type, description, owner, tags, permanent, archivedAt, createdAt } = flag
      const identity = { key, type, description, owner, tags, permanent, archivedAt, createdAt }
      return { ...identity, environments: Object.fromEntries(environments.map((row) => [row.key, cellIn(row)])) }
    }),
  }
}

function cellOf(flag: FlagRow, row: MatrixCellRow | undefined, scope: CellScope): MatrixCell {
  const revision = Number(row?.revision ?? 0)
  if (!row?.definition)
    return { revision, state: 'absent', served: 'not defined', variant: null, lastEvaluatedAt: null, stale: null }
  const { hours, lastAt } = row
  return {
    revision,
    ...summaryOf(row.definition),
    ...(hours !== null && { evaluations24h: countsIn(hours) }),
    lastEvaluatedAt: lastAt === null ? null : new Date(lastAt).toISOString(),
    ...(row.managedBy && { managedBy: row.managedBy }),
    stale:
      flag.archivedAt === null
        ? cellEvidence(...staleFactsOf(flag, { ...row, definition: row.definition }, scope), scope)
        : null,
  }
}

/** Reads counts by age in hours, such as "0:12,3:4"; the current hour is the last. */
function countsIn(hours: string): number[] {
  const counts = Array.from({ length: HOURS }, () => 0)
  for (const entry of hours.split(',')) {
    const [age, count] = entry.split(':').map(Number)
    counts[HOURS - 1 - (age ?? 0)] = count ?? 0
  }
  return counts
}
