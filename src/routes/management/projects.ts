import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { authorize, authorizeAnywhere, authorOf, principalOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as projects from '../../repository/postgres/projects.ts'
import { instant, nextKey, Page, ProjectKey, ProjectPath, pageOf, text, version } from './schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf, query } from './validation.ts'

const describe = describeUnder('Projects')

const Project = v.object({
  key: ProjectKey,
  name: v.string(),
  description: v.string(),
  version,
  createdAt: instant('Creation'),
})
const NewProject = v.strictObject({
  key: ProjectKey,
  name: v.optional(text(200)),
  description: v.optional(text(2000), ''),
})
const ProjectPatch = v.strictObject({ name: v.optional(text(200)), description: v.optional(text(2000)) })

/** `/api/v1/projects` */
export function projectRoutes(database: Database, authenticate: Authenticate): Hono {
  const admin = authorize(authenticate, 'admin')
  return new Hono()
    .get(
      '/',
      describe('List projects; for a viewer or editor its own', pageOf(Project)),
      authorizeAnywhere(authenticate, 'viewer'),
      query(Page),
      async (c) => {
        const own = principalOf(c)?.environment
        if (own) return c.json({ items: [toJson(await projects.readProject(database, own.project))], next: null })
        const page = c.req.valid('query')
        const rows = await projects.listProjects(database, page)
        return c.json({ items: rows.map(toJson), next: nextKey(rows, page.limit) })
      },
    )
    .post('/', describe('Create a project', Project, { status: 201 }), admin, body(NewProject), async (c) => {
      const { key, name = key, description } = c.req.valid('json')
      const row = await projects.createProject(database, { key, name, description }, authorOf(c))
      return c.json(toJson(row), 201, { ...etagOf(row.version), location: `/api/v1/projects/${key}` })
    })
    .get(
      '/:project',
      describe('Read a project', Project),
      authorize(authenticate, 'viewer'),
      path(ProjectPath),
      async (c) => {
        const row = await projects.readProject(database, c.req.valid('param').project)
        return c.json(toJson(row), 200, etagOf(row.version))
      },
    )
    .patch(
      '/:project',
      describe('Change the name or description of a project', Project),
      admin,
      path(ProjectPath),
      body(ProjectPatch),
      async (c) => {
        const change = { text: c.req.valid('json'), expected: preconditionOf(c), author: authorOf(c) }
        const row = await projects.updateProject(database, c.req.valid('param').project, change)
        return c.json(toJson(row), 200, etagOf(row.version))
      },
    )
    .delete('/:project', describe('Delete a project that has no environments'), admin, path(ProjectPath), async (c) => {
      const change = { expected: preconditionOf(c), author: authorOf(c) }
      await projects.deleteProject(database, c.req.valid('param').project, change)
      return c.body(null, 204)
    })
}

const toJson = ({ key, name, description, version, createdAt }: projects.Project) => ({
  key,
  name,
  description,
  version: Number(version),
  createdAt,
})
