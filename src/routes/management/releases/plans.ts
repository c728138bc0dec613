import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import type { Definition } from '../../../flag/definition.ts'
import { isRecord } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { describePlan, planWarnings } from '../../../flag/plan/describe-plan.ts'
import { cancelPlan, finishPlan, pauseRollout, resumeRollout, retreatRollout } from '../../../flag/plan/edit/edit.ts'
import { startRollout } from '../../../flag/plan/edit/start-rollout.ts'
import { planIn, withoutRule } from '../../../flag/plan/pair.ts'
import { type Plan as FlagPlan, MOMENT_MAX, MOMENT_MIN, SHARE_TOTAL, type UserShare } from '../../../flag/plan/plan.ts'
import { readOrder } from '../../../flag/plan/read/order.ts'
import { percentOf } from '../../../flag/plan/share.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { changeDefinition, type FlagName, readDefinition } from '../../../repository/postgres/definitions.ts'
import { newSalt } from '../../../repository/postgres/plans/settle.ts'
import type { RefreshFlags } from '../environments.ts'
import { booleanText, DefinitionPath } from '../schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf, query, readJson } from '../validation.ts'
import { Order, PlanAnswer } from './plan-schemas.ts'

const describe = describeUnder('Releases')

const flag = (description: string) => v.optional(v.pipe(booleanText, v.description(description)), 'false')
const PlanQuery = v.object({
  at: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{9,10}$/, 'must be unix seconds'),
      v.transform(Number),
      v.minValue(MOMENT_MIN),
      v.maxValue(MOMENT_MAX),
      v.description('The second to describe, in unix seconds; by default the present one'),
    ),
  ),
})
const RolloutQuery = v.object({
  replace: flag('End the rollout that is under way: the new one begins with its share; drop what is planned later'),
  leave: flag('Accept that people who are in leave'),
})
const ResumeQuery = v.object({
  dates: v.optional(
    v.pipe(
      v.picklist(['shift', 'keep']),
      v.description('shift: everything happens later, by the length of the pause. keep: on the planned days'),
    ),
    'shift',
  ),
})
const FinishQuery = v.object({ early: flag('Also before the end') })
const Retreat = v.strictObject({
  how: v.pipe(
    v.picklist(['now', 'first-in-last-out']),
    v.description('now: everybody at once. first-in-last-out: the rollout backwards'),
  ),
})

type PlanRoutesDependencies = {
  readonly database: Database
  readonly authenticate: Authenticate
  readonly refresh: RefreshFlags
  /** Milliseconds since 1970. */
  readonly now: () => number
}

type Edit = (plan: FlagPlan, now: number) => FlagPlan

/** `…/flags/:key/plan`: what time will do to a flag, and verbs that change it. Each is one write under one revision. */
export function planRoutes({ database, authenticate, refresh, now }: PlanRoutesDependencies): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  const second = () => Math.floor(now() / 1_000)
  const edit = async (c: Context, name: FlagName, change: Edit, status: 200 | 201 = 200) => {
    const next = (before: Definition | undefined, at: number) =>
      before && withoutRule({ ...before, flagstaff: change(planOf(before), at) })
    const written = await changeDefinition(database, name, { next, expected: preconditionOf(c), author: authorOf(c) })
    await refresh(`${name.project}/${name.environment}`)
    if (!written) throw missing(name)
    const warnings = written.warnings.map(({ message }) => message)
    return c.json(answerOf(written, { name, now: second(), warnings }), status, etagOf(written.revision))
  }
  return new Hono()
    .get(
      '/:key/plan',
      describe('Read a plan, with its state at a second', PlanAnswer),
      viewer,
      path(DefinitionPath),
      query(PlanQuery),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const stored = await readDefinition(database, name)
        const { at } = c.req.valid('query')
        return c.json(answerOf(stored, { name, now: second(), at }), 200, etagOf(stored.revision))
      },
    )
    .post(
      '/:key/plan/rollout',
      describe('Start or schedule a rollout', PlanAnswer, { status: 201, body: Order }),
      editor,
      path(DefinitionPath),
      query(RolloutQuery),
      async (c) => {
        const name = nameOf(c.req.valid('param'))
        const { value } = await readJson(c)
        const options = { ...c.req.valid('query'), newSalt: () => newSalt(name.flag) }
        return edit(c, name, (plan, at) => startRollout(plan, readOrder(value, at), { ...options, now: at }), 201)
      },
    )
    .post('/:key/plan/pause', describe('Pause the rollout', PlanAnswer), editor, path(DefinitionPath), (c) =>
      edit(c, nameOf(c.req.valid('param')), pauseRollout),
    )
    .post(
      '/:key/plan/resume',
      describe('Resume the paused rollout with the same people', PlanAnswer),
      editor,
      path(DefinitionPath),
      query(ResumeQuery),
      (c) => edit(c, nameOf(c.req.valid('param')), (plan, at) => resumeRollout(plan, at, c.req.valid('query').dates)),
    )
    .post(
      '/:key/plan/retreat',
      describe('Take the rollout back; nothing that was planned later happens', PlanAnswer),
      editor,
      path(DefinitionPath),
      body(Retreat),
      (c) => edit(c, nameOf(c.req.valid('param')), (plan, at) => retreatRollout(plan, at, c.req.valid('json').how)),
    )
    .post(
      '/:key/plan/finish',
      describe('Make what is served at the end the rule, without a timeline', PlanAnswer),
      editor,
      path(DefinitionPath),
      query(FinishQuery),
      (c) => edit(c, nameOf(c.req.valid('param')), (plan, at) => finishPlan(plan, at, c.req.valid('query').early)),
    )
    .post(
      '/:key/plan/cancel',
      describe('Drop what has not begun, and keep what is served now', PlanAnswer),
      editor,
      path(DefinitionPath),
      (c) => edit(c, nameOf(c.req.valid('param')), cancelPlan),
    )
}

const nameOf = ({ key, ...name }: { project: string; environment: string; key: string }): FlagName => ({
  ...name,
  flag: key,
})

/** The plan of a definition; a rule without a plan is the base of a new one. */
function planOf(definition: Definition): FlagPlan {
  const { targeting } = definition
  const isRule = isRecord(targeting) && Object.keys(targeting).length > 0
  return planIn(definition) ?? { v: 1, ...(isRule && { rule: targeting }) }
}

const missing = ({ project, environment, flag: key }: FlagName) =>
  new FlagError('not_found', `Flag "${key}" has no plan in "${project}/${environment}"`)

type AnswerOptions = {
  readonly name: FlagName
  readonly now: number
  readonly at?: number | undefined
  readonly warnings?: readonly string[]
}

function answerOf(
  { definition, revision }: { readonly definition: Definition; readonly revision: bigint },
  { name, now, at = now, warnings = [] }: AnswerOptions,
) {
  const plan = planIn(definition)
  if (!plan) throw missing(name)
  const { share, ...state } = describePlan(plan, at)
  return {
    plan,
    targeting: definition.targeting,
    revision: Number(revision),
    now,
    at,
    ...state,
    share: share === null ? null : shareJson(share),
    // An arm of this very second has not been answered with yet.
    warnings: [...planWarnings(plan, now - 1), ...warnings],
  }
}

/** A share as responses show it. */
export const shareJson = (share: UserShare) => ({
  exact: typeof share === 'number' ? [share, SHARE_TOTAL] : [...share],
  percent: percentOf(share),
})
