import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { authorize, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { createKey, listKeys, revokeKey } from '../../repository/postgres/keys.ts'
import { EnvironmentKey, instant, OffsetPage, ProjectKey, pageOf, text, time } from './schemas.ts'
import { body, describeUnder, path, query } from './validation.ts'

const describe = describeUnder('Keys')

const Role = v.pipe(
  v.picklist(['client', 'server', 'viewer', 'editor', 'admin']),
  v.description(
    'client: evaluate; server: and read definitions; viewer: and read all else of its environment; editor: and change it; admin: everything',
  ),
)
const Scope = v.strictObject({ project: ProjectKey, environment: EnvironmentKey })
const Key = v.object({
  id: v.pipe(v.string(), v.uuid()),
  name: v.string(),
  role: Role,
  environment: v.nullable(Scope),
  createdBy: v.string(),
  createdAt: instant('Creation'),
  expiresAt: v.nullable(instant('End')),
  revokedAt: v.nullable(instant('Revocation')),
  lastUsedAt: v.nullable(instant('Last request with this key, to 5 minutes, stored some minutes later; null: none')),
})
const CreatedKey = v.object({
  ...Key.entries,
  secret: v.pipe(v.string(), v.description('Returned this once; only its hash is stored')),
})
const NewKey = v.pipe(
  v.strictObject({
    name: v.pipe(text(200), v.minLength(1)),
    role: Role,
    environment: v.optional(v.nullable(Scope), null),
    expiresAt: v.optional(v.nullable(v.pipe(time, v.description('End of the key'))), null),
  }),
  v.forward(
    v.check(
      ({ role, environment }) => (role === 'admin') === (environment === null),
      'must name an environment for client, server, viewer and editor keys, and be null for admin keys',
    ),
    ['environment'],
  ),
)
const KeyPath = v.object({ id: v.pipe(v.string(), v.uuid()) })

/** `/api/v1/keys`. `refresh` reloads the keys of this replica after a change; other replicas notice it by themselves. */
export function keyRoutes(database: Database, authenticate: Authenticate, refresh: () => Promise<void>): Hono {
  const admin = authorize(authenticate, 'admin')
  return new Hono()
    .get('/', describe('List keys, without their secrets', pageOf(Key)), admin, query(OffsetPage), async (c) => {
      const { limit, offset } = c.req.valid('query')
      const items = await listKeys(database, { limit, offset })
      return c.json({ items, next: items.length < limit ? null : String(offset + limit) })
    })
    .post('/', describe('Create a key', CreatedKey, { status: 201 }), admin, body(NewKey), async (c) => {
      const created = await createKey(database, c.req.valid('json'), authorOf(c))
      await refresh()
      return c.json(created, 201, { 'cache-control': 'no-store' })
    })
    .delete('/:id', describe('Revoke a key'), admin, path(KeyPath), async (c) => {
      await revokeKey(database, c.req.valid('param').id, authorOf(c))
      await refresh()
      return c.body(null, 204)
    })
}
