import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { MOMENT_MAX, MOMENT_MIN, SHARE_TOTAL } from '../../../flag/plan/plan.ts'
import type { Holdout } from '../../../flag/shares/holdout.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import {
  changeShares,
  deleteShares,
  listShares,
  readShares,
  type StoredShares,
} from '../../../repository/postgres/needs/shares.ts'
import type { RefreshFlags } from '../environments.ts'
import { EnvironmentKey, EnvironmentPath, ProjectKey, pageOf, revision } from '../schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf } from '../validation.ts'
import { Attribute, refuseOtherAttribute, SharesKey } from './attribute.ts'

const describe = describeUnder('Groups and holdouts')

const HoldoutPath = v.object({ project: ProjectKey, environment: EnvironmentKey, name: SharesKey })
const Share = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(SHARE_TOTAL),
  v.description(
    `Of ${SHARE_TOTAL}: how many users are held out. A larger share adds users, a smaller one removes some`,
  ),
)
const Until = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(MOMENT_MIN, 'must be in unix seconds, from 2001'),
  v.maxValue(MOMENT_MAX, 'must be in unix seconds, not milliseconds'),
  v.description('Unix second at which it ends; null: never'),
)
const HoldoutBody = v.strictObject({
  by: v.optional(Attribute),
  share: Share,
  until: v.optional(v.nullable(Until), null),
  move: v.optional(v.pipe(v.boolean(), v.description('Let another attribute move all users')), false),
})
const HoldoutView = v.object({
  name: SharesKey,
  by: v.string(),
  share: Share,
  until: v.nullable(v.number()),
  revision: v.pipe(revision, v.description('Revision of its last change; its ETag')),
})

/** `…/environments/:environment/holdouts`: users that are kept out of the flags which name the holdout. */
export function holdoutRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  return new Hono()
    .get(
      '/',
      describe('List the holdouts of an environment', pageOf(HoldoutView)),
      viewer,
      path(EnvironmentPath),
      async (c) => {
        const rows = await listShares(database, { ...c.req.valid('param'), kind: 'holdouts' })
        return c.json({ items: rows.map(toJson), next: null })
      },
    )
    .get('/:name', describe('Read a holdout', HoldoutView), viewer, path(HoldoutPath), async (c) => {
      const row = await readShares(database, { ...c.req.valid('param'), kind: 'holdouts' })
      return c.json(toJson(row), 200, etagOf(row.revision))
    })
    .put(
      '/:name',
      describe('Create or change a holdout', HoldoutView),
      editor,
      path(HoldoutPath),
      body(HoldoutBody),
      async (c) => {
        const name = c.req.valid('param')
        const wanted = c.req.valid('json')
        const next = (before: Holdout | undefined) => changedHoldout(before, { ...wanted, name: name.name })
        const write = { next, expected: preconditionOf(c), author: authorOf(c), dryRun: false }
        const row = await changeShares(database, { ...name, kind: 'holdouts' }, write)
        await refresh(`${name.project}/${name.environment}`)
        return c.json(toJson(row), 200, etagOf(row.revision))
      },
    )
    .delete('/:name', describe('Delete a holdout that is not in use'), editor, path(HoldoutPath), async (c) => {
      const name = c.req.valid('param')
      const write = { expected: preconditionOf(c), author: authorOf(c), dryRun: false }
      await deleteShares(database, { ...name, kind: 'holdouts' }, write)
      await refresh(`${name.project}/${name.environment}`)
      return c.body(null, 204)
    })
}

type WantedHoldout = v.InferOutput<typeof HoldoutBody> & { readonly name: string }

/** The holdout after a change. Its salt stays, so a larger share keeps the users that are held out. */
function changedHoldout(
  before: Holdout | undefined,
  { name, by = before?.by ?? 'targetingKey', share, until, move }: WantedHoldout,
): Holdout {
  refuseOtherAttribute(before, by, move)
  const salt = before?.salt ?? `h:${name}:${crypto.randomUUID().slice(0, 8)}`
  return { by, salt, share, ...(until !== null && { until }) }
}

const toJson = ({ name, value: { by, share, until }, revision }: StoredShares<'holdouts'>) => ({
  name,
  by,
  share,
  until: until ?? null,
  revision: Number(revision),
})
