import { isDeepStrictEqual } from 'node:util'
import { and, eq } from 'drizzle-orm'
import type { JsonRecord } from '../../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../../flag/error.ts'
import type { Transaction } from '../database.ts'
import { definitions, managers } from '../tables.ts'

/** Joins a definition with its manager, if that is locked. */
export const isLockedManager = and(
  eq(managers.environmentId, definitions.environmentId),
  eq(managers.name, definitions.managedBy),
  eq(managers.locked, true),
)

/** Something that a locked manager manages, at its place in the caller's document. */
export type LockedPlace = { readonly what: string; readonly pointer: string; readonly lockedBy: string }

type Settings = { readonly segments: JsonRecord; readonly metadata: JsonRecord }
type LockedSettings = Settings & { readonly id: bigint }

/** Fails with `managed` if there is any place. The response names the manager; the mistakes name each place. */
export function refuseLocked(places: readonly LockedPlace[]): void {
  const [first] = places
  if (!first) return
  const mistakes = places.map(
    ({ what, pointer, lockedBy }): Mistake => ({ pointer, message: `${what} is managed by "${lockedBy}"` }),
  )
  const more = places.length > 1 ? ` and ${places.length - 1} more` : ''
  const message = `Cannot change ${first.what.toLowerCase()}${more}: managed by "${first.lockedBy}"; change it there, or release the manager`
  throw new FlagError('managed', message, { mistakes, members: { managedBy: first.lockedBy } })
}

/** Fails with `managed` if `after` changes a segment or an entry of the metadata that a locked manager other than `manager` manages. */
export async function refuseLockedSettings(
  tx: Transaction,
  before: LockedSettings,
  after: Partial<Settings>,
  manager?: string,
): Promise<void> {
  const rows = await tx
    .select()
    .from(managers)
    .where(and(eq(managers.environmentId, before.id), eq(managers.locked, true)))
  const places: LockedPlace[] = []
  for (const row of rows.filter(({ name }) => name !== manager))
    for (const [kind, member, what] of [
      ['segments', '$evaluators', 'Segment'],
      ['metadata', 'metadata', 'Metadata'],
    ] as const)
      for (const name of Object.keys(row[kind]))
        if (after[kind] && !isDeepStrictEqual(before[kind][name], after[kind][name]))
          places.push({ what: `${what} "${name}"`, pointer: pointerTo(member, name), lockedBy: row.name })
  refuseLocked(places)
}
