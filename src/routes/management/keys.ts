import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { FlagError } from '../../flag/error.ts'
import { authorizeAnywhere, authorOf, principalOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { APPLICATION_ROLES, createKey, type KeyScope, listKeys, revokeKey } from '../../repository/postgres/keys.ts'
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
  const editor = authorizeAnywhere(authenticate, 'editor')
  return new Hono()
    .get(
      '/',
      describe(
        'List keys, without their secrets; for an editor the client and server keys of its environment',
        pageOf(Key),
      ),
      editor,
      query(OffsetPage),
      async (c) => {
        const { limit, offset } = c.req.valid('query')
        const items = await listKeys(database, scopeOf(c), { limit, offset })
        return c.json({ items, next: items.length < limit ? null : String(offset + limit) })
      },
    )
    .post(
      '/',
      describe('Create a key; an editor creates client and server keys of its environment', CreatedKey, {
        status: 201,
      }),
      editor,
      body(NewKey),
      async (c) => {
        const wanted = c.req.valid('json')
        checkScope(wanted, scopeOf(c))
        const created = await createKey(database, wanted, authorOf(c))
        await refresh()
        return c.json(created, 201, { 'cache-control': 'no-store' })
      },
    )
    .delete('/:id', describe('Revoke a key'), editor, path(KeyPath), async (c) => {
      await revokeKey(database, scopeOf(c), c.req.valid('param').id, authorOf(c))
      await refresh()
      return c.body(null, 204)
    })
}

const scopeOf = (c: Context) => principalOf(c)?.environment ?? null

function checkScope({ role, environment }: v.InferOutput<typeof NewKey>, scope: KeyScope): void {
  if (!scope) return
  const isOwn = environment?.project === scope.project && environment.environment === scope.environment
  if (isOwn && APPLICATION_ROLES.includes(role)) return
  throw new FlagError('forbidden', 'An editor creates only client and server keys, of its own environment')
}
