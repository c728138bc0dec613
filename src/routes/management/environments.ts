import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { checkMetadata } from '../../flag/check/definition.ts'
import { isRecord, type Metadata } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import { authorize, authorOf, principalOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import type { EnvironmentRow } from '../../repository/postgres/environments.ts'
import * as environments from '../../repository/postgres/environments.ts'
import {
  booleanText,
  EnvironmentKey,
  EnvironmentPath,
  instant,
  metadata,
  ProjectKey,
  ProjectPath,
  pageOf,
  revision,
  text,
} from './schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf, query, readJson } from './validation.ts'

const describe = describeUnder('Environments')

const POSITION_MAX = 10_000

const Bucketing = v.pipe(
  v.picklist(['v1', 'v2', 'v3']),
  v.description('How `fractional` assigns shares. Another algorithm moves users to other variants'),
)
const Position = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(POSITION_MAX),
  v.description('Place in lists, from 0; equal ones are ordered by key'),
)
const Protected = v.pipe(v.boolean(), v.description('Whether the console asks for confirmation before a change'))
const Environment = v.object({
  project: ProjectKey,
  key: EnvironmentKey,
  flagSetId: v.pipe(v.string(), v.description('`<project>/<environment>`: what OpenFeature clients select it by')),
  name: v.string(),
  description: v.string(),
  bucketing: Bucketing,
  position: Position,
  protected: Protected,
  metadata,
  revision,
  changedAt: instant('Last change'),
  createdAt: instant('Creation'),
})
const NewEnvironment = v.strictObject({
  key: EnvironmentKey,
  name: v.optional(text(200)),
  description: v.optional(text(2000), ''),
  bucketing: v.optional(Bucketing, 'v2'),
  position: v.optional(v.pipe(Position, v.description('By default after all others'))),
  protected: v.optional(Protected, false),
})
const EnvironmentPatch = v.strictObject({
  name: v.optional(text(200)),
  description: v.optional(text(2000)),
  bucketing: v.optional(Bucketing),
  position: v.optional(Position),
  protected: v.optional(Protected),
  metadata: v.optional(metadata),
})

const EnvironmentPatchQuery = v.object({
  force: v.optional(
    v.pipe(
      booleanText,
      v.description('Change the bucketing although rollouts run: everybody in them gets another share'),
    ),
    'false',
  ),
})

/**
 * Reloads flags on this replica after a change; other replicas notice the change by themselves. `scope` is a flag set id,
 * `<project>/<environment>`, or `<project>/` for all environments of a project.
 */
export type RefreshFlags = (scope: string) => Promise<void>

/** `/api/v1/projects/:project/environments` */
export function environmentRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const admin = authorize(authenticate, 'admin')
  const viewer = authorize(authenticate, 'viewer')
  return new Hono()
    .get(
      '/',
      describe('List the environments of a project; for a viewer or editor its own', pageOf(Environment)),
      viewer,
      path(ProjectPath),
      async (c) => {
        const own = principalOf(c)?.environment
        const rows = own
          ? [await environments.readEnvironment(database, own)]
          : await environments.listEnvironments(database, c.req.valid('param').project)
        return c.json({ items: rows.map(toJson), next: null })
      },
    )
    .post(
      '/',
      describe('Create an environment', Environment, { status: 201 }),
      admin,
      path(ProjectPath),
      body(NewEnvironment),
      async (c) => {
        const { key, name = key, ...settings } = c.req.valid('json')
        const { project } = c.req.valid('param')
        const change = { settings: { name, ...settings }, author: authorOf(c) }
        const row = await environments.createEnvironment(database, { project, environment: key }, change)
        const location = `/api/v1/projects/${project}/environments/${key}`
        return c.json(toJson(row), 201, { ...etagOf(row.revision), location })
      },
    )
    .get('/:environment', describe('Read an environment', Environment), viewer, path(EnvironmentPath), async (c) => {
      const row = await environments.readEnvironment(database, c.req.valid('param'))
      return c.json(toJson(row), 200, etagOf(row.revision))
    })
    .patch(
      '/:environment',
      describe('Change the settings of an environment', Environment),
      admin,
      path(EnvironmentPath),
      query(EnvironmentPatchQuery),
      body(EnvironmentPatch),
      async (c) => {
        const name = c.req.valid('param')
        const settings = { ...c.req.valid('json'), metadata: metadataIn((await readJson(c)).value) }
        const { force } = c.req.valid('query')
        const change = { settings, expected: preconditionOf(c), author: authorOf(c), force }
        const row = await environments.updateEnvironment(database, name, change)
        await refresh(`${name.project}/${name.environment}`)
        return c.json(toJson(row), 200, etagOf(row.revision))
      },
    )
    .delete(
      '/:environment',
      describe('Delete an environment with its definitions and keys'),
      admin,
      path(EnvironmentPath),
      async (c) => {
        const name = c.req.valid('param')
        await environments.deleteEnvironment(database, name, { expected: preconditionOf(c), author: authorOf(c) })
        await refresh(`${name.project}/${name.environment}`)
        return c.body(null, 204)
      },
    )
}

/** The metadata of a patch as they were sent: the schema library drops members such as "constructor". Throws `invalid`. */
function metadataIn(patch: unknown): Metadata | undefined {
  if (!isRecord(patch) || patch['metadata'] === undefined) return undefined
  const mistakes = checkMetadata(patch['metadata'])
  if (mistakes.length > 0) throw new FlagError('invalid', 'The metadata are invalid', { mistakes })
  return patch['metadata'] as Metadata
}

const toJson = (row: EnvironmentRow) => ({
  project: row.project,
  key: row.key,
  flagSetId: `${row.project}/${row.key}`,
  name: row.name,
  description: row.description,
  bucketing: row.bucketing,
  position: row.position,
  protected: row.protected,
  metadata: row.metadata,
  revision: Number(row.revision),
  changedAt: row.changedAt,
  createdAt: row.createdAt,
})
