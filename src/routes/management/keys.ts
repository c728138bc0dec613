import { Hono } from 'hono'
import type { Authenticate } from '../../cache/authenticator.ts'
import { FlagError } from '../../flag/error.ts'
import { allow, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import { createKey, listKeys, revokeKey } from '../../repository/postgres/keys.ts'
import { pageOf } from './schema-parts.ts'
import { Key, KeyPath, KeyQuery, NewKey, NewKeyAnswer } from './schemas.ts'
import { body, documented, path, query } from './validation.ts'

const tag = 'Keys'

/** `/api/v1/keys`. `changed` makes a new or revoked key count here at once; other replicas notice at their next look. */
export function keyRoutes(database: Database, authenticate: Authenticate, changed: () => Promise<void>): Hono {
  const admin = allow(authenticate, 'admin')
  return new Hono()
    .get(
      '/',
      documented({ tag, summary: 'List keys, without their secrets', answer: pageOf(Key) }),
      admin,
      query(KeyQuery),
      async (c) => {
        const { limit, offset } = c.req.valid('query')
        const items = await listKeys(database, { limit, offset })
        return c.json({ items, next: items.length < limit ? null : String(offset + limit) })
      },
    )
    .post(
      '/',
      documented({ tag, summary: 'Create a key', answer: NewKeyAnswer, status: 201 }),
      admin,
      body(NewKey),
      async (c) => {
        const key = c.req.valid('json')
        if ((key.role === 'admin') !== (key.environment === null))
          throw new FlagError('invalid', 'The body is not what it should be', {
            mistakes: [
              {
                pointer: '/environment',
                message: 'must name an environment for client, server and editor keys, and be null for admin keys',
              },
            ],
          })
        const created = await createKey(database, key, authorOf(c))
        await changed()
        return c.json(created, 201, { 'cache-control': 'no-store' })
      },
    )
    .delete('/:id', documented({ tag, summary: 'Revoke a key', status: 204 }), admin, path(KeyPath), async (c) => {
      await revokeKey(database, c.req.valid('param').id, authorOf(c))
      await changed()
      return c.body(null, 204)
    })
}
