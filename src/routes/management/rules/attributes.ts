import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { authorize, principalOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { listAttributes } from '../../../repository/postgres/rules/attributes.ts'
import { ProjectPath } from '../schemas.ts'
import { describeUnder, path } from '../validation.ts'

const describe = describeUnder('Attributes')

const Attribute = v.object({
  name: v.pipe(v.string(), v.description('Path in the evaluation context')),
  values: v.pipe(
    v.array(v.union([v.string(), v.number(), v.boolean()])),
    v.description('Literals that rules compare it with, of their JSON types; at most 20'),
  ),
  uses: v.pipe(v.number(), v.description('How often rules read it')),
  isBuiltIn: v.boolean(),
})
const Attributes = v.object({
  items: v.pipe(v.array(Attribute), v.description('At most 500, those of most uses first')),
})

/** `/api/v1/projects/:project/attributes`: what rules read, for completion. Never collected from evaluations. */
export function attributeRoutes(database: Database, authenticate: Authenticate): Hono {
  return new Hono().get(
    '/attributes',
    describe('List the attributes that rules read; for a viewer or editor those of its environment', Attributes),
    authorize(authenticate, 'viewer'),
    path(ProjectPath),
    async (c) => {
      const scope = principalOf(c)?.environment
      return c.json({ items: await listAttributes(database, c.req.valid('param').project, scope?.environment) })
    },
  )
}
