import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import type { MemberComparison } from '../../../flag/compare/compare-flag.ts'
import { FLAGS_MAX } from '../../../flag/definition.ts'
import { authorize, authorOf, requireAt } from '../../../middleware/authentication.ts'
import { errorOf } from '../../../middleware/problem.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { type ComparedFlag, compareEnvironments } from '../../../repository/postgres/promotion/compare-environments.ts'
import { promote } from '../../../repository/postgres/promotion/promote.ts'
import type { RefreshFlags } from '../environments.ts'
import {
  Definition,
  EnvironmentKey,
  FlagKey,
  instant,
  Mistake,
  Page,
  ProjectPath,
  pageOf,
  revision,
  text,
} from '../schemas.ts'
import { body, describeUnder, etagOf, path, query } from '../validation.ts'

const describe = describeUnder('Promotion')
const MEMBERS_MAX = 1_000
const FLAGS_ASKED_MAX = 100

const Verdict = v.pipe(
  v.picklist(['equal', 'take', 'keep', 'conflict', 'unknown']),
  v.description(
    'take: only the source has changed since it was last carried; keep: only the target has; conflict: both have; unknown: never carried',
  ),
)
const value = v.optional(v.pipe(v.unknown(), v.description('Missing where the member is absent')))
const sides = { verdict: Verdict, source: value, target: value, base: value }
const Pointer = v.pipe(v.string(), v.description('JSON Pointer into the definition; "" where a side has no definition'))
const ComparedMember = v.object({ member: Pointer, ...sides })
const Side = v.picklist(['source', 'target'])
const Comparison = v.object({
  source: v.object({ environment: EnvironmentKey, revision }),
  target: v.object({ environment: EnvironmentKey, revision }),
  ...pageOf(
    v.object({
      flag: FlagKey,
      status: v.picklist(['equal', 'different', 'only-in-source', 'only-in-target']),
      base: v.pipe(
        v.nullable(v.object({ sourceRevision: revision, targetRevision: revision, at: instant('When') })),
        v.description('When the flag was last carried; null: never'),
      ),
      members: v.pipe(v.array(ComparedMember), v.description('Those that differ')),
      segments: v.pipe(v.array(v.string()), v.description('Segments that the source’s rule reaches and that differ')),
      needs: v.pipe(v.array(v.string()), v.description('Flags that the source’s flag needs')),
    }),
  ).entries,
  segments: v.pipe(
    v.array(v.object({ segment: v.string(), ...sides })),
    v.description('The segments that the items name'),
  ),
})
const CompareQuery = v.object({
  source: EnvironmentKey,
  target: EnvironmentKey,
  flag: v.optional(
    v.pipe(
      v.union([
        v.array(FlagKey),
        v.pipe(
          FlagKey,
          v.transform((key) => [key]),
        ),
      ]),
      v.maxLength(FLAGS_ASKED_MAX),
      v.description('Only this flag; may be repeated'),
    ),
  ),
  only: v.optional(v.pipe(v.picklist(['different']), v.description('Leave out flags that are equal'))),
  ...Page.entries,
})

const pointer = v.pipe(text(1_000), v.regex(/^(?:\/.*)?$/s, 'must be a JSON Pointer'))
const resolve = (description: string) => v.optional(v.pipe(v.record(text(1_000), Side), v.description(description)), {})
const SelectedFlag = v.strictObject({
  flag: FlagKey,
  members: v.optional(
    v.pipe(
      v.array(pointer),
      v.maxLength(MEMBERS_MAX),
      v.description(
        'JSON Pointers of members to carry, such as /variants, or /targeting with the plan; all by default',
      ),
    ),
  ),
  resolve: resolve('The side of members, by JSON Pointer; "" names all. The longest pointer decides'),
  remove: v.optional(v.pipe(v.boolean(), v.description('Remove a flag that the source does not have')), false),
})
const expected = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.safeInteger()))
const Promotion = v.strictObject({
  source: EnvironmentKey,
  target: EnvironmentKey,
  ifSource: expected,
  ifTarget: expected,
  flags: v.pipe(v.array(SelectedFlag), v.minLength(1), v.maxLength(FLAGS_MAX)),
  segments: v.optional(
    v.pipe(
      v.picklist(['needed', 'none']),
      v.description('needed: carry segments that the carried rules reach and the target lacks'),
    ),
    'needed',
  ),
  resolveSegments: resolve('The side of segments that differ, by name'),
  state: v.optional(
    v.pipe(
      v.picklist(['keep', 'take']),
      v.description('keep: the target keeps its states, and new flags arrive DISABLED'),
    ),
    'keep',
  ),
  plans: v.optional(
    v.pipe(
      v.picklist(['asIs', 'drop']),
      v.description(
        'What is carried of timelines, required if one has an arm in the future. asIs: the timeline; drop: what it serves now, as the rule',
      ),
    ),
  ),
  dryRun: v.optional(v.boolean(), false),
})
const PromotionResult = v.object({
  revision: v.pipe(revision, v.description('Of the target')),
  dryRun: v.boolean(),
  changed: v.array(
    v.object({
      flag: FlagKey,
      members: v.pipe(v.array(v.string()), v.description('Taken from the source; "" if the flag is new or removed')),
      before: v.nullable(Definition),
      after: v.nullable(Definition),
    }),
  ),
  segments: v.pipe(v.array(v.string()), v.description('Segments that are new or replaced in the target')),
  warnings: v.array(Mistake),
})

/** `…/projects/:project/compare` and `/promote`: the flags of two environments, member by member. */
export function promotionRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  return new Hono()
    .get(
      '/compare',
      describe('Compare two environments', Comparison),
      authorize(authenticate, 'viewer'),
      path(ProjectPath),
      query(CompareQuery),
      async (c) => {
        const { project } = c.req.valid('param')
        const { source, target, flag, only, ...page } = c.req.valid('query')
        for (const environment of [source, target]) requireAt(c, 'viewer', { project, environment })
        const filter = { ...page, flags: flag, onlyDifferent: only === 'different' }
        const { revisions, items, ...rest } = await compareEnvironments(database, { project, source, target }, filter)
        return c.json({
          source: { environment: source, revision: revisions.source },
          target: { environment: target, revision: revisions.target },
          items: items.map(toJson),
          ...rest,
        })
      },
    )
    .post(
      '/promote',
      describe('Carry flags from one environment to another', PromotionResult),
      authorize(authenticate, 'editor'),
      path(ProjectPath),
      body(Promotion),
      async (c) => {
        const { project } = c.req.valid('param')
        const { source, target, ifSource, ifTarget, plans, ...promotion } = c.req.valid('json')
        requireAt(c, 'viewer', { project, environment: source })
        requireAt(c, 'editor', { project, environment: target })
        const revisions = { ifSource: toRevision(ifSource), ifTarget: toRevision(ifTarget) }
        const flags = promotion.flags.map(({ members, ...selection }) => ({ members, ...selection }))
        const change = { ...promotion, plans, flags, ...revisions, author: authorOf(c) }
        const { revision, changed, segments, warnings } = await promote(database, { project, source, target }, change)
        if (!promotion.dryRun) await refresh(`${project}/${target}`)
        const result = {
          revision: Number(revision),
          dryRun: promotion.dryRun,
          changed: changed.map(({ before = null, after = null, ...flag }) => ({ ...flag, before, after })),
          segments,
          warnings: warnings.map(errorOf),
        }
        return c.json(result, 200, etagOf(revision))
      },
    )
}

const toRevision = (revision: number | undefined): bigint | undefined =>
  revision === undefined ? undefined : BigInt(revision)

function toJson({ flag, status, base, members, segments, needs }: ComparedFlag) {
  const carried = base && { sourceRevision: base.sourceRevision, targetRevision: base.targetRevision, at: base.at }
  return { flag, status, base: carried ?? null, members: members.map(memberToJson), segments, needs }
}

/** Without the members that are equal or absent. */
const memberToJson = ({ member, verdict, source, target, base }: MemberComparison) => ({
  member,
  verdict,
  source,
  target,
  base,
})
