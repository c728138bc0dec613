import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { allow, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as environments from '../../repository/postgres/environments.ts'
import type { EnvironmentRow } from '../../repository/postgres/revision.ts'
import { expectedBy, tagOf } from './preconditions.ts'
import { EnvironmentPath, ProjectPath, pageOf } from './schema-parts.ts'
import { Environment, EnvironmentPatch, NewEnvironment } from './schemas.ts'
import { body, documented, path } from './validation.ts'

const tag = 'Environments'

/** Tells this replica at once what it would otherwise notice at its next look. `scope`: an environment, or `<project>/` for all of one. */
export type Changed = (scope: string) => Promise<void>

/** `/api/v1/projects/:project/environments` */
export function environmentRoutes(database: Database, authenticate: Authenticate, changed: Changed): Hono {
  const admin = allow(authenticate, 'admin')
  return new Hono()
    .get(
      '/:project/environments',
      documented({ tag, summary: 'List the environments of a project', answer: pageOf(Environment) }),
      admin,
      path(ProjectPath),
      async (c) => {
        const rows = await environments.listEnvironments(database, c.req.valid('param').project)
        return c.json({ items: rows.map(shown), next: null })
      },
    )
    .post(
      '/:project/environments',
      documented({ tag, summary: 'Create an environment', answer: Environment, status: 201 }),
      admin,
      path(ProjectPath),
      body(NewEnvironment),
      async (c) => {
        const { key, name = key, description, bucketing } = c.req.valid('json')
        const subject = { project: c.req.valid('param').project, environment: key }
        const settings = { name, description, bucketing }
        const row = await environments.createEnvironment(database, subject, { settings, author: authorOf(c) })
        const location = `/api/v1/projects/${subject.project}/environments/${key}`
        return c.json(shown(row), 201, { etag: tagOf(row.revision), location })
      },
    )
    .get(
      '/:project/environments/:environment',
      documented({ tag, summary: 'Read an environment', answer: Environment }),
      allow(authenticate, 'editor'),
      path(EnvironmentPath),
      async (c) => {
        const row = await environments.readEnvironment(database, c.req.valid('param'))
        return c.json(shown(row), 200, { etag: tagOf(row.revision) })
      },
    )
    .patch(
      '/:project/environments/:environment',
      documented({ tag, summary: 'Change the name, description or bucketing of an environment', answer: Environment }),
      admin,
      path(EnvironmentPath),
      body(EnvironmentPatch),
      async (c) => {
        const name = c.req.valid('param')
        const change = { settings: c.req.valid('json'), expected: expectedBy(c), author: authorOf(c) }
        const row = await environments.updateEnvironment(database, name, change)
        await changed(`${name.project}/${name.environment}`)
        return c.json(shown(row), 200, { etag: tagOf(row.revision) })
      },
    )
    .delete(
      '/:project/environments/:environment',
      documented({ tag, summary: 'Delete an environment with its definitions and keys', status: 204 }),
      admin,
      path(EnvironmentPath),
      async (c) => {
        const name = c.req.valid('param')
        await environments.deleteEnvironment(database, name, { expected: expectedBy(c), author: authorOf(c) })
        await changed(`${name.project}/${name.environment}`)
        return c.body(null, 204)
      },
    )
}

const shown = ({ project, key, name, description, bucketing, revision, changedAt, createdAt }: EnvironmentRow) => ({
  project,
  key,
  flagSetId: `${project}/${key}`,
  name,
  description,
  bucketing,
  revision: Number(revision),
  changedAt,
  createdAt,
})
