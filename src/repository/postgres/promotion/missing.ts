import type { Definition } from '../../../flag/definition.ts'
import { FlagError, type Mistake, shorten } from '../../../flag/error.ts'
import { neededKeys } from '../../../flag/needs/prerequisites.ts'
import { own } from '../../../flag/rules/expression.ts'
import type { Transaction } from '../database.ts'
import type { EnvironmentRow } from '../environments.ts'
import { selectAll } from '../needs/all-definitions.ts'

/** Flags that are carried, with their definitions afterwards, and where the caller named them. */
export type CarriedFlags = {
  readonly carried: ReadonlyMap<string, Definition | undefined>
  /** JSON Pointer to a flag in the selection. */
  readonly pointer: (key: string) => string
}

/**
 * Fails with `invalid` if a carried plan has prerequisites that are neither in the target nor carried with it, or a group or holdout that the
 * target lacks. Their segments are made in the target, so nothing of the source stands in for them.
 */
export async function refuseMissing(
  tx: Transaction,
  target: EnvironmentRow,
  { carried, pointer }: CarriedFlags,
): Promise<void> {
  const needed = new Set([...carried.values()].flatMap(neededKeys))
  const present = needed.size > 0 ? await selectAll(tx, target.id, [...needed]) : new Map<string, Definition>()
  const isThere = (flag: string) => (carried.has(flag) ? carried.get(flag) !== undefined : present.has(flag))
  const mistakes = [...carried].flatMap(([key, definition]): Mistake[] => [
    ...neededKeys(definition)
      .filter((flag) => !isThere(flag))
      .map((flag) => ({
        pointer: pointer(key),
        message: `Flag ${shorten(key)} needs flag ${shorten(flag)}, which is neither in "${target.key}" nor carried with it`,
      })),
    ...sharesOf(definition)
      .filter(({ kind, name }) => !Object.hasOwn(target[kind], name))
      .map(({ what, name }) => ({
        pointer: pointer(key),
        message: `Flag ${shorten(key)} refers to ${what} ${shorten(name)}, which does not exist in "${target.key}"; create it there first`,
      })),
  ])
  if (mistakes.length > 0)
    throw new FlagError('invalid', 'Cannot promote the flags: the target lacks what they refer to', { mistakes })
}

type SharesReference = { readonly kind: 'groups' | 'holdouts'; readonly what: string; readonly name: string }

/** The group and the holdouts of a plan. */
function sharesOf(definition: Definition | undefined): SharesReference[] {
  const plan = definition?.['flagstaff']
  const group = own(own(plan, 'group'), 'name')
  const holdouts = own(plan, 'holdouts')
  const names: readonly unknown[] = Array.isArray(holdouts) ? holdouts : []
  return [
    ...(typeof group === 'string' ? [{ kind: 'groups', what: 'group', name: group } as const] : []),
    ...names.flatMap((name): SharesReference[] =>
      typeof name === 'string' ? [{ kind: 'holdouts', what: 'holdout', name }] : [],
    ),
  ]
}
