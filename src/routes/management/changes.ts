import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { authorize, authorizeAnywhere, scopeToKey } from '../../middleware/authentication.ts'
import { type ChangeFilter, type ChangeRecord, listChanges } from '../../repository/postgres/changes.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { ChangePage, DefinitionPath, instant, pageOf, revision, text, time } from './schemas.ts'
import { describeUnder, path, query } from './validation.ts'

const describe = describeUnder('Changes')

const ChangeSubject = v.picklist(['project', 'environment', 'flag', 'definition', 'segment', 'key'])
const Change = v.object({
  id: v.string(),
  at: instant('When'),
  actor: v.string(),
  subject: ChangeSubject,
  action: v.picklist(['create', 'update', 'delete', 'rename', 'archive', 'restore', 'rollback', 'promote', 'revoke']),
  project: v.nullable(v.string()),
  environment: v.nullable(v.string()),
  flag: v.nullable(v.string()),
  segment: v.pipe(v.nullable(v.string()), v.description('Name of a segment; after a renaming the new one')),
  revision: v.nullable(revision),
  before: v.unknown(),
  after: v.unknown(),
  comment: v.string(),
  traceId: v.string(),
  from: v.pipe(
    v.nullable(v.object({ environment: v.string(), revision, flag: v.optional(v.string()) })),
    v.description('Where a promoted definition or segment came from; with `flag` that of a copied flag. Null: nowhere'),
  ),
})
const ChangesQuery = v.object({
  ...ChangePage.entries,
  project: v.optional(text(64)),
  environment: v.optional(text(64)),
  flag: v.optional(text(256)),
  segment: v.optional(text(256)),
  subject: v.optional(ChangeSubject),
  actor: v.optional(text(256)),
  from: v.optional(time),
  to: v.optional(time),
})

/** `/api/v1/changes`: the record of every mutation, newest first; for a viewer or editor, of those in its environment. */
export function changeRoutes(database: Database, authenticate: Authenticate): Hono {
  return new Hono().get(
    '/',
    describe('List changes; for a viewer or editor those of its environment', pageOf(Change)),
    authorizeAnywhere(authenticate, 'viewer'),
    query(ChangesQuery),
    async (c) => c.json(await pageOfChanges(database, scopeToKey(c, c.req.valid('query')))),
  )
}

/** `…/environments/:environment/flags/:key/history`: the versions of one flag in one environment. */
export function historyRoutes(database: Database, authenticate: Authenticate): Hono {
  return new Hono().get(
    '/:key/history',
    describe('List the versions of a definition', pageOf(Change)),
    authorize(authenticate, 'viewer'),
    path(DefinitionPath),
    query(ChangePage),
    async (c) => {
      const { key: flag, ...environment } = c.req.valid('param')
      return c.json(await pageOfChanges(database, { ...environment, flag, ...c.req.valid('query') }))
    },
  )
}

async function pageOfChanges(database: Database, filter: ChangeFilter) {
  const rows = await listChanges(database, filter)
  return { items: rows.map(toJson), next: rows.length < filter.limit ? null : String(rows.at(-1)?.id) }
}

const toJson = ({ id, revision, origin, ...change }: ChangeRecord) => ({
  id: String(id),
  ...change,
  revision: revision === null ? null : Number(revision),
  from: origin,
})
