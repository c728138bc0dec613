import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { FLAGS_MAX } from '../../../flag/definition.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { archiveFlags } from '../../../repository/postgres/stale/archive-flags.ts'
import type { RefreshFlags } from '../environments.ts'
import { FlagKey, ProjectPath, revision } from '../schemas.ts'
import { body, describeUnder, path } from '../validation.ts'

const describe = describeUnder('Stale flags')

const Archiving = v.strictObject({
  flags: v.pipe(v.array(FlagKey), v.minLength(1), v.maxLength(FLAGS_MAX)),
  dryRun: v.optional(v.boolean(), false),
})
const Archived = v.object({
  dryRun: v.boolean(),
  archived: v.array(v.string()),
  unchanged: v.pipe(v.array(v.string()), v.description('Were archived before')),
  revisions: v.pipe(v.record(v.string(), revision), v.description('By environment; empty after a dry run')),
})

/** `…/projects/:project/flags/archive`: archives several flags. */
export function archiveRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  return new Hono().post(
    '/archive',
    describe('Archive flags, all or none', Archived),
    authorize(authenticate, 'editor'),
    path(ProjectPath),
    body(Archiving),
    async (c) => {
      const { project } = c.req.valid('param')
      const archiving = c.req.valid('json')
      const result = await archiveFlags(database, project, { ...archiving, author: authorOf(c) })
      if (!archiving.dryRun) await refresh(`${project}/`)
      return c.json({ dryRun: archiving.dryRun, ...result })
    },
  )
}
