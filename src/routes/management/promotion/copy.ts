import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import { errorOf } from '../../../middleware/problem.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { copyFlag } from '../../../repository/postgres/promotion/copy-flag.ts'
import type { RefreshFlags } from '../environments.ts'
import { Definition, DefinitionPath, FlagKey, Mistake, revision } from '../schemas.ts'
import { body, describeUnder, etagOf, path } from '../validation.ts'

const describe = describeUnder('Promotion')

const Copy = v.strictObject({
  to: FlagKey,
  state: v.optional(
    v.pipe(
      v.picklist(['keep', 'take']),
      v.description('keep: the copy is DISABLED; take: it has the state of the flag'),
    ),
    'keep',
  ),
})
const CopiedFlag = v.object({ key: FlagKey, revision, definition: Definition, warnings: v.array(Mistake) })

/** `…/environments/:environment/flags/:key/copy`: a flag under another key in the same environment. */
export function copyRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  return new Hono().post(
    '/:key/copy',
    describe('Copy a flag to another key', CopiedFlag, { status: 201 }),
    authorize(authenticate, 'editor'),
    path(DefinitionPath),
    body(Copy),
    async (c) => {
      const { key: flag, ...environment } = c.req.valid('param')
      const copy = { ...c.req.valid('json'), author: authorOf(c) }
      const { key, revision, definition, warnings } = await copyFlag(database, { ...environment, flag }, copy)
      await refresh(`${environment.project}/${environment.environment}`)
      const result = { key, revision: Number(revision), definition, warnings: warnings.map(errorOf) }
      return c.json(result, 201, etagOf(revision))
    },
  )
}
