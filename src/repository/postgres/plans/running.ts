import { and, eq, isNull, sql } from 'drizzle-orm'
import { FlagError } from '../../../flag/error.ts'
import { armInForce } from '../../../flag/plan/edit/edit.ts'
import { planIn } from '../../../flag/plan/pair.ts'
import { compareShares } from '../../../flag/plan/share.ts'
import type { Transaction } from '../database.ts'
import { definitions, flags } from '../tables.ts'
import { currentSecond } from './settle.ts'

/** Flags that one message names. */
const NAMED_MAX = 5

/** Fails with `conflict` while some users of a flag are in a rollout and others are not: another bucketing moves them all. */
export async function refuseWhileRunning(tx: Transaction, environmentId: bigint): Promise<void> {
  const now = await currentSecond(tx)
  const rows = await tx
    .select({ key: flags.key, definition: definitions.definition })
    .from(definitions)
    .innerJoin(flags, and(eq(flags.id, definitions.flagId), isNull(flags.archivedAt)))
    .where(and(eq(definitions.environmentId, environmentId), sql`${definitions.definition} -> 'flagstaff' is not null`))
    .orderBy(flags.key)
  const running = rows.flatMap(({ key, definition }) => {
    const plan = planIn(definition ?? undefined)
    if (!plan) return []
    const { isUnderWay, share = 0 } = armInForce(plan, now)
    const isPartial = compareShares(share, 0) > 0 && compareShares(share, [1, 1]) < 0
    return isUnderWay || isPartial ? [`"${key}"`] : []
  })
  if (running.length === 0) return
  const more = running.length > NAMED_MAX ? ` and ${running.length - NAMED_MAX} more` : ''
  const named = `${running.slice(0, NAMED_MAX).join(', ')}${more}`
  throw new FlagError(
    'conflict',
    `Cannot change the bucketing: everybody in the rollouts of ${named} would get another share; "force=true" accepts that`,
  )
}
