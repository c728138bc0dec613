import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { allow, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as projects from '../../repository/postgres/projects.ts'
import { expectedBy, tagOf } from './preconditions.ts'
import { Page, ProjectPath, pageOf } from './schema-parts.ts'
import { NewProject, Project, ProjectPatch } from './schemas.ts'
import { body, documented, path, query } from './validation.ts'

const tag = 'Projects'

/** `/api/v1/projects` */
export function projectRoutes(database: Database, authenticate: Authenticate): Hono {
  const admin = allow(authenticate, 'admin')
  return new Hono()
    .get('/', documented({ tag, summary: 'List projects', answer: pageOf(Project) }), admin, query(Page), async (c) => {
      const page = c.req.valid('query')
      const rows = await projects.listProjects(database, page)
      return c.json({ items: rows.map(shown), next: rows.length < page.limit ? null : (rows.at(-1)?.key ?? null) })
    })
    .post(
      '/',
      documented({ tag, summary: 'Create a project', answer: Project, status: 201 }),
      admin,
      body(NewProject),
      async (c) => {
        const { key, name = key, description } = c.req.valid('json')
        const project = await projects.createProject(database, { key, name, description }, authorOf(c))
        return c.json(shown(project), 201, { etag: tagOf(project.version), location: `/api/v1/projects/${key}` })
      },
    )
    .get(
      '/:project',
      documented({ tag, summary: 'Read a project', answer: Project }),
      admin,
      path(ProjectPath),
      async (c) => {
        const project = await projects.readProject(database, c.req.valid('param').project)
        return c.json(shown(project), 200, { etag: tagOf(project.version) })
      },
    )
    .patch(
      '/:project',
      documented({ tag, summary: 'Change the name or description of a project', answer: Project }),
      admin,
      path(ProjectPath),
      body(ProjectPatch),
      async (c) => {
        const change = { text: c.req.valid('json'), expected: expectedBy(c), author: authorOf(c) }
        const project = await projects.updateProject(database, c.req.valid('param').project, change)
        return c.json(shown(project), 200, { etag: tagOf(project.version) })
      },
    )
    .delete(
      '/:project',
      documented({ tag, summary: 'Delete a project that has no environments', status: 204 }),
      admin,
      path(ProjectPath),
      async (c) => {
        const change = { expected: expectedBy(c), author: authorOf(c) }
        await projects.deleteProject(database, c.req.valid('param').project, change)
        return c.body(null, 204)
      },
    )
}

const shown = ({ key, name, description, version, createdAt }: projects.Project) => ({
  key,
  name,
  description,
  version: Number(version),
  createdAt,
})
