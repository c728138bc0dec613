import { and, eq, sql } from 'drizzle-orm'
import type { Definition } from '../../../flag/definition.ts'
import { FlagError } from '../../../flag/error.ts'
import { withNewSalts } from '../../../flag/plan/edit/new-salts.ts'
import { planIn, withoutRule } from '../../../flag/plan/pair.ts'
import type { Author } from '../changes.ts'
import type { Database, Transaction } from '../database.ts'
import type { ChangedDefinition, FlagName } from '../definitions.ts'
import { type EnvironmentRow, lockEnvironment } from '../environments.ts'
import { selectAll } from '../needs/all-definitions.ts'
import { newSalt } from '../plans/settle.ts'
import { flags } from '../tables.ts'
import { writeDefinitions } from '../write-definitions.ts'

export type FlagCopy = {
  /** The key of the new flag. */
  readonly to: string
  /** `keep`: the copy is disabled. `take`: it has the state of the flag. */
  readonly state: 'keep' | 'take'
  readonly author: Author
}

/**
 * Copies a flag in its environment to another key. Its rollouts get new salts, so that they reach other people than those of the original. A new
 * flag gets the description, owner and tags as well. Fails with `not_found`, and with `conflict` if the environment has a flag with that key.
 */
export function copyFlag(
  database: Database,
  name: FlagName,
  { to, state, author }: FlagCopy,
): Promise<ChangedDefinition> {
  return database.write(async (tx) => {
    const environment = await lockEnvironment(tx, name)
    const present = await selectAll(tx, environment.id, [name.flag, to])
    const original = present.get(name.flag)
    const place = `${name.project}/${name.environment}`
    if (!original) throw new FlagError('not_found', `Flag "${name.flag}" does not exist in "${place}"`)
    if (present.has(to)) throw new FlagError('conflict', `Flag "${to}" exists already in "${place}"`)
    const isNew = (await tx.$count(flags, isFlag(environment, to))) === 0
    const copy = withOtherUsers(state === 'take' ? original : { ...original, state: 'DISABLED' }, to)
    const { revision, changed, warnings } = await writeDefinitions(tx, environment, {
      next: new Map([[to, copy]]),
      pointer: () => '',
      author,
      origin: { environment: environment.key, revision: Number(environment.revision), flag: name.flag },
    })
    if (isNew) await copyText(tx, environment, { from: name.flag, to })
    return { key: to, definition: changed[0]?.after ?? copy, revision, warnings }
  })
}

/** The definition with new salts in its plan, from which its rule is made anew. */
function withOtherUsers(definition: Definition, key: string): Definition {
  const plan = planIn(definition)
  return plan ? withoutRule({ ...definition, flagstaff: withNewSalts(plan, () => newSalt(key)) }) : definition
}

const isFlag = ({ projectId }: EnvironmentRow, key: string) => and(eq(flags.projectId, projectId), eq(flags.key, key))

async function copyText(
  tx: Transaction,
  environment: EnvironmentRow,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await tx.execute(sql`
    update flagstaff.flags copy set description = f.description, owner = f.owner, tags = f.tags, permanent = f.permanent
    from flagstaff.flags f
    where f.project_id = ${String(environment.projectId)}::bigint and f.key = ${from}
      and copy.project_id = f.project_id and copy.key = ${to}`)
}
