import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { allow, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as flags from '../../repository/postgres/flags.ts'
import type { Changed } from './environments.ts'
import { expectedBy, tagOf } from './preconditions.ts'
import { FlagPath, ProjectPath, pageOf } from './schema-parts.ts'
import { Flag, FlagPatch, FlagQuery, NewFlag } from './schemas.ts'
import { body, documented, path, query } from './validation.ts'

const tag = 'Flags'

/** `/api/v1/projects/:project/flags`: what a flag is, in all environments. */
export function flagRoutes(database: Database, authenticate: Authenticate, changed: Changed): Hono {
  const editor = allow(authenticate, 'editor')
  return new Hono()
    .get(
      '/:project/flags',
      documented({ tag, summary: 'List the flags of a project', answer: pageOf(Flag) }),
      editor,
      path(ProjectPath),
      query(FlagQuery),
      async (c) => {
        const filter = c.req.valid('query')
        const rows = await flags.listFlags(database, c.req.valid('param').project, filter)
        return c.json({ items: rows.map(shown), next: rows.length < filter.limit ? null : (rows.at(-1)?.key ?? null) })
      },
    )
    .post(
      '/:project/flags',
      documented({ tag, summary: 'Create a flag', answer: Flag, status: 201 }),
      editor,
      path(ProjectPath),
      body(NewFlag),
      async (c) => {
        const { project } = c.req.valid('param')
        const row = await flags.createFlag(database, project, { flag: c.req.valid('json'), author: authorOf(c) })
        const location = `/api/v1/projects/${project}/flags/${encodeURIComponent(row.key)}`
        return c.json(shown(row), 201, { etag: tagOf(row.version), location })
      },
    )
    .get(
      '/:project/flags/:key',
      documented({ tag, summary: 'Read a flag', answer: Flag }),
      editor,
      path(FlagPath),
      async (c) => {
        const { project, key } = c.req.valid('param')
        const row = await flags.readFlag(database, project, key)
        return c.json(shown(row), 200, { etag: tagOf(row.version) })
      },
    )
    .patch(
      '/:project/flags/:key',
      documented({ tag, summary: 'Change what is said about a flag; archive it or bring it back', answer: Flag }),
      editor,
      path(FlagPath),
      body(FlagPatch),
      async (c) => {
        const { project, key } = c.req.valid('param')
        const { archived, ...text } = c.req.valid('json')
        const change = { text, archived, expected: expectedBy(c), author: authorOf(c) }
        const row = await flags.updateFlag(database, project, key, change)
        if (archived !== undefined) await changed(`${project}/`)
        return c.json(shown(row), 200, { etag: tagOf(row.version) })
      },
    )
}

const shown = ({ id: _, projectId: __, archivedAt, version, ...flag }: flags.SeenFlag) => ({
  ...flag,
  archived: archivedAt !== null,
  version: Number(version),
})
