import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { type Definition as FlagDefinition, isRecord } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { planIn, withoutRule } from '../../../flag/plan/pair.ts'
import { type ResharedRule, reshareRule, SPLIT_TOTAL, type VariantShare } from '../../../flag/shares/split.ts'
import { authorize, authorOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { changeDefinition, readDefinition } from '../../../repository/postgres/definitions.ts'
import type { RefreshFlags } from '../environments.ts'
import { booleanText, DefinitionPath, revision, text } from '../schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf, query } from '../validation.ts'

const describe = describeUnder('Groups and holdouts')
const SHARES_MAX = 100

const Share = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(SPLIT_TOTAL))
const Split = v.strictObject({
  shares: v.pipe(
    v.array(v.strictObject({ variant: text(256), share: v.pipe(Share, v.description(`Of ${SPLIT_TOTAL}`)) })),
    v.minLength(1),
    v.maxLength(SHARES_MAX),
  ),
  at: v.optional(v.pipe(text(2_000), v.description('JSON Pointer of the split in the rule; absent: the only one'))),
})
const ChangedSplit = v.object({
  moves: v.pipe(v.number(), v.description('Share of users, from 0 to 1, that get another variant: the least possible')),
  at: v.pipe(v.string(), v.description('JSON Pointer of the split in the rule')),
  ranges: v.array(v.object({ variant: v.string(), weight: v.number() })),
  revision: v.optional(revision),
  dryRun: v.boolean(),
})
const WriteQuery = v.object({ dryRun: v.optional(v.pipe(booleanText, v.description('Change nothing')), 'false') })

/** `…/flags/:key/split`: other shares of variants, moving as few users as possible. */
export function splitRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  return new Hono().put(
    '/:key/split',
    describe('Change the shares of variants and move as few users as possible', ChangedSplit),
    authorize(authenticate, 'editor'),
    path(DefinitionPath),
    query(WriteQuery),
    body(Split),
    async (c) => {
      const { key: flag, ...environment } = c.req.valid('param')
      const { shares, at } = c.req.valid('json')
      const { dryRun } = c.req.valid('query')
      const name = { ...environment, flag }
      if (dryRun) {
        const { definition } = await readDefinition(database, name)
        return c.json({ ...viewOf(reshared(definition, shares, at)), dryRun })
      }
      let split: ResharedRule | undefined
      const next = (before: FlagDefinition | undefined) => {
        if (before === undefined) return undefined
        split = reshared(before, shares, at)
        return withRule(before, split.rule)
      }
      const written = await changeDefinition(database, name, { next, expected: preconditionOf(c), author: authorOf(c) })
      await refresh(`${environment.project}/${environment.environment}`)
      if (!split || !written) throw new FlagError('not_found', `Flag "${flag}" does not exist`)
      return c.json({ ...viewOf(split), revision: Number(written.revision), dryRun }, 200, etagOf(written.revision))
    },
  )
}

const viewOf = ({ moves, pointer, ranges }: ResharedRule) => ({
  moves,
  at: pointer,
  ranges: ranges.map(({ owner, places }) => ({ variant: owner, weight: places })),
})

/** The rule that was written: that of the plan, where there is one. */
function reshared(definition: FlagDefinition, shares: readonly VariantShare[], at: string | undefined): ResharedRule {
  checkShares(definition, shares)
  const plan = planIn(definition)
  return reshareRule(plan ? plan.rule : definition.targeting, shares, at)
}

function withRule(definition: FlagDefinition, rule: unknown): FlagDefinition {
  const plan = planIn(definition)
  return plan ? withoutRule({ ...definition, flagstaff: { ...plan, rule } }) : { ...definition, targeting: rule }
}

function checkShares({ variants }: FlagDefinition, shares: readonly VariantShare[]): void {
  const refuse = (pointer: string, message: string) =>
    new FlagError('invalid', 'The body is invalid', { mistakes: [{ pointer, message }] })
  const seen = new Set<string>()
  for (const [index, { variant }] of shares.entries()) {
    const pointer = `/shares/${index}/variant`
    if (!isRecord(variants) || !Object.hasOwn(variants, variant))
      throw refuse(pointer, `"${variant}" is no variant of the flag`)
    if (seen.has(variant)) throw refuse(pointer, `Variant "${variant}" is there already`)
    seen.add(variant)
  }
  const total = shares.reduce((sum, { share }) => sum + share, 0)
  if (total !== SPLIT_TOTAL) throw refuse('/shares', `Sum of the shares is ${total}, not ${SPLIT_TOTAL}`)
}
