import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { FlagError } from '../../../flag/error.ts'
import { changeSlots, FREE, GROUP_PLACES, type Group, type GroupMoves } from '../../../flag/shares/group.ts'
import { placesOf } from '../../../flag/shares/ranges.ts'
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
import { booleanText, EnvironmentKey, EnvironmentPath, ProjectKey, pageOf, revision, text } from '../schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf, query } from '../validation.ts'
import { Attribute, refuseOtherAttribute, SharesKey } from './attribute.ts'

const describe = describeUnder('Groups and holdouts')
const SLOTS_MAX = 100

const GroupPath = v.object({ project: ProjectKey, environment: EnvironmentKey, name: SharesKey })
const Places = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(GROUP_PLACES))
const Slot = v.strictObject({
  slot: v.pipe(text(256), v.minLength(1), v.description('Name of the slot, often the key of its flag')),
  places: v.pipe(Places, v.description(`Of ${GROUP_PLACES}: how many users are in the slot`)),
})
const GroupBody = v.strictObject({
  by: v.optional(Attribute),
  slots: v.pipe(v.array(Slot), v.maxLength(SLOTS_MAX)),
  move: v.optional(
    v.pipe(v.boolean(), v.description('Let users change from one slot to another where too few places are free')),
    false,
  ),
})
const GroupView = v.object({
  name: SharesKey,
  by: v.string(),
  slots: v.array(v.object({ slot: v.string(), places: v.number() })),
  free: v.pipe(v.number(), v.description('Places without a slot')),
  revision: v.pipe(revision, v.description('Revision of its last change; its ETag. 0 in a dry run of a new group')),
})
const WrittenGroup = v.object({
  ...GroupView.entries,
  dryRun: v.boolean(),
  moves: v.pipe(
    v.object({ moved: v.number(), entered: v.number(), left: v.number() }),
    v.description(`Of ${GROUP_PLACES} users: who change slots, who get one, who lose theirs`),
  ),
})
const WriteQuery = v.object({ dryRun: v.optional(v.pipe(booleanText, v.description('Change nothing')), 'false') })

/** `…/environments/:environment/groups`: mutual exclusion, so that a user is in one of several flags at most. */
export function groupRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  return new Hono()
    .get(
      '/',
      describe('List the mutual exclusion groups of an environment', pageOf(GroupView)),
      viewer,
      path(EnvironmentPath),
      async (c) => {
        const rows = await listShares(database, { ...c.req.valid('param'), kind: 'groups' })
        return c.json({ items: rows.map(toJson), next: null })
      },
    )
    .get('/:name', describe('Read a mutual exclusion group', GroupView), viewer, path(GroupPath), async (c) => {
      const row = await readShares(database, { ...c.req.valid('param'), kind: 'groups' })
      return c.json(toJson(row), 200, etagOf(row.revision))
    })
    .put(
      '/:name',
      describe('Create or change a mutual exclusion group', WrittenGroup),
      editor,
      path(GroupPath),
      query(WriteQuery),
      body(GroupBody),
      async (c) => {
        const name = c.req.valid('param')
        const wanted = c.req.valid('json')
        const { dryRun } = c.req.valid('query')
        let moves: GroupMoves = { moved: 0, entered: 0, left: 0 }
        const next = (before: Group | undefined): Group => {
          const change = changedGroup(before, { ...wanted, name: name.name })
          moves = change.moves
          return change.group
        }
        const write = { next, expected: preconditionOf(c), author: authorOf(c), dryRun }
        const row = await changeShares(database, { ...name, kind: 'groups' }, write)
        if (!dryRun) await refresh(`${name.project}/${name.environment}`)
        return c.json({ ...toJson(row), dryRun, moves }, 200, row.revision > 0n ? etagOf(row.revision) : undefined)
      },
    )
    .delete(
      '/:name',
      describe('Delete a mutual exclusion group that is not in use'),
      editor,
      path(GroupPath),
      async (c) => {
        const name = c.req.valid('param')
        const write = { expected: preconditionOf(c), author: authorOf(c), dryRun: false }
        await deleteShares(database, { ...name, kind: 'groups' }, write)
        await refresh(`${name.project}/${name.environment}`)
        return c.body(null, 204)
      },
    )
}

type WantedGroup = v.InferOutput<typeof GroupBody> & { readonly name: string }

/** The group after a change. Another attribute moves all users. */
function changedGroup(
  before: Group | undefined,
  { name, by = before?.by ?? 'targetingKey', slots, move }: WantedGroup,
): { readonly group: Group; readonly moves: GroupMoves } {
  checkSlots(slots)
  refuseOtherAttribute(before, by, move)
  const ranges = before?.ranges ?? [{ owner: FREE, places: GROUP_PLACES }]
  const change = changeSlots(ranges, slots, move)
  const salt = before?.salt ?? `g:${name}:${crypto.randomUUID().slice(0, 8)}`
  return { group: { by, salt, ranges: change.ranges }, moves: change.moves }
}

function checkSlots(slots: WantedGroup['slots']): void {
  const seen = new Set<string>()
  let total = 0
  for (const [index, { slot, places }] of slots.entries()) {
    const mistake = (member: string, message: string) =>
      new FlagError('invalid', 'The body is invalid', { mistakes: [{ pointer: `/slots/${index}/${member}`, message }] })
    total += places
    if (seen.has(slot)) throw mistake('slot', `Slot "${slot}" is there already`)
    if (total > GROUP_PLACES) throw mistake('places', `Slots have ${total} places, more than ${GROUP_PLACES}`)
    seen.add(slot)
  }
}

const toJson = ({ name, value: { by, ranges }, revision }: StoredShares<'groups'>) => {
  const places = placesOf(ranges)
  const slots = [...places].flatMap(([slot, count]) => (slot === FREE ? [] : [{ slot, places: count }]))
  return { name, by, slots, free: places.get(FREE) ?? 0, revision: Number(revision) }
}
