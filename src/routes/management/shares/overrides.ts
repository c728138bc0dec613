import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { type Definition as FlagDefinition, isRecord, type JsonRecord } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { planIn, withoutRule } from '../../../flag/plan/pair.ts'
import { MOMENT_MAX, OVERRIDES_MAX, type Override, type Plan } from '../../../flag/plan/plan.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { changeDefinition, type FlagName } from '../../../repository/postgres/definitions.ts'
import type { RefreshFlags } from '../environments.ts'
import { DefinitionPath, revision, text } from '../schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf } from '../validation.ts'

const describe = describeUnder('Groups and holdouts')

const TargetingKey = v.pipe(text(256), v.minLength(1), v.description('The targeting key of one user'))
const OverrideBody = v.strictObject({
  targetingKey: TargetingKey,
  variant: text(256),
  until: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(MOMENT_MAX, 'must be in unix seconds, not milliseconds'),
      v.description('Unix second at which it ends; absent: never'),
    ),
  ),
})
const Overrides = v.object({
  overrides: v.array(v.object({ targetingKey: v.string(), variant: v.string(), until: v.optional(v.number()) })),
  revision,
})
const OverridePath = v.object({ ...DefinitionPath.entries, targetingKey: TargetingKey })

/** `…/flags/:key/overrides`: the variant of single users, before every rule. Ended ones are dropped with the next change. */
export function overrideRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const editor = authorize(authenticate, 'editor')
  const change = async (c: Context, name: FlagName, edit: OverridesEdit) => {
    let after: readonly Override[] = []
    const next = (before: FlagDefinition | undefined, now: number) => {
      if (before === undefined) return undefined
      const { overrides = [], ...plan } = planIn(before) ?? planOf(before)
      after = edit(
        overrides.filter(({ until }) => until === undefined || until > now),
        now,
      )
      const edited = { ...plan, ...(after.length > 0 && { overrides: after }) }
      return withoutRule({ ...before, flagstaff: edited })
    }
    const written = await changeDefinition(database, name, { next, expected: preconditionOf(c), author: authorOf(c) })
    await refresh(`${name.project}/${name.environment}`)
    if (!written) throw new FlagError('not_found', `Flag "${name.flag}" does not exist`)
    return c.json({ overrides: after, revision: Number(written.revision) }, 200, etagOf(written.revision))
  }
  return new Hono()
    .post(
      '/:key/overrides',
      describe('Give one user a variant', Overrides),
      editor,
      path(DefinitionPath),
      body(OverrideBody),
      (c) => {
        const { key: flag, ...environment } = c.req.valid('param')
        return change(c, { ...environment, flag }, added(c.req.valid('json')))
      },
    )
    .delete(
      '/:key/overrides/:targetingKey',
      describe('Take the variant of one user back', Overrides),
      editor,
      path(OverridePath),
      (c) => {
        const { key: flag, targetingKey, ...environment } = c.req.valid('param')
        return change(c, { ...environment, flag }, removed(targetingKey))
      },
    )
}

type OverridesEdit = (overrides: readonly Override[], now: number) => readonly Override[]

/** An override replaces that of the same user. */
const added =
  ({ targetingKey, variant, until }: v.InferOutput<typeof OverrideBody>): OverridesEdit =>
  (overrides, now) => {
    if (until !== undefined && until <= now)
      throw new FlagError('invalid', 'The body is invalid', {
        mistakes: [{ pointer: '/until', message: `Second ${until} is in the past` }],
      })
    const others = overrides.filter((override) => override.targetingKey !== targetingKey)
    if (others.length >= OVERRIDES_MAX)
      throw new FlagError('conflict', `Cannot add the override: a flag has at most ${OVERRIDES_MAX}`)
    return [...others, { targetingKey, variant, ...(until !== undefined && { until }) }]
  }

const removed =
  (targetingKey: string): OverridesEdit =>
  (overrides) => {
    const others = overrides.filter((override) => override.targetingKey !== targetingKey)
    if (others.length === overrides.length) throw new FlagError('not_found', `User "${targetingKey}" has no override`)
    return others
  }

/** The plan of a flag that has only a rule. */
function planOf({ targeting }: FlagDefinition): Plan {
  const hasRule = isRecord(targeting) && Object.keys(targeting).length > 0
  return { v: 1, ...(hasRule && { rule: targeting as JsonRecord }) }
}
