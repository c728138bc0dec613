import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { allow, allowAnywhere, narrowed } from '../../middleware/authentication.ts'
import { type Change, type ChangeFilter, listChanges } from '../../repository/postgres/changes.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { DefinitionPath, pageOf } from './schema-parts.ts'
import { ChangesQuery, HistoryQuery, Change as Shown } from './schemas.ts'
import { documented, path, query } from './validation.ts'

const tag = 'Changes'

/** `/api/v1/changes`: the record of every mutation, newest first; for an editor, of those in its environment. */
export function changeRoutes(database: Database, authenticate: Authenticate): Hono {
  return new Hono().get(
    '/',
    documented({ tag, summary: 'List changes; for an editor those of its environment', answer: pageOf(Shown) }),
    allowAnywhere(authenticate, 'editor'),
    query(ChangesQuery),
    async (c) => c.json(await pageOfChanges(database, narrowed(c, c.req.valid('query')))),
  )
}

/** `…/environments/:environment/flags/:key/history`: the versions of one flag in one environment. */
export function historyRoutes(database: Database, authenticate: Authenticate): Hono {
  return new Hono().get(
    '/:project/environments/:environment/flags/:key/history',
    documented({ tag, summary: 'List the versions of a definition', answer: pageOf(Shown) }),
    allow(authenticate, 'editor'),
    path(DefinitionPath),
    query(HistoryQuery),
    async (c) => {
      const { key: flag, ...environment } = c.req.valid('param')
      return c.json(await pageOfChanges(database, { ...environment, flag, ...c.req.valid('query') }))
    },
  )
}

async function pageOfChanges(database: Database, filter: ChangeFilter) {
  const rows = await listChanges(database, filter)
  return { items: rows.map(shown), next: rows.length < filter.limit ? null : String(rows.at(-1)?.id) }
}

const shown = ({ id, revision, ...change }: Change) => ({
  id: String(id),
  ...change,
  revision: revision === null ? null : Number(revision),
})
