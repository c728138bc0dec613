import { isDeepStrictEqual } from 'node:util'

/** A flag, segment or entry of the metadata, as it is stored. `T` is its value. */
export type OwnedEntry<T> = {
  /** Undefined if it was removed, or never there. */
  readonly stored: T | undefined
  /** The name of its manager. */
  readonly managedBy: string | undefined
  /** What the manager last applied; other than `stored` where others have changed it since. */
  readonly applied: T | undefined
}

/** Who applies entries, and how. */
export type Ownership = {
  readonly manager: string
  /** Whether entries that exist and have no manager are taken over. Otherwise they are refused. */
  readonly adopt: boolean
  /** Whether entries of the manager that are no longer wanted are removed. Otherwise they only lose their manager. */
  readonly prune: boolean
  /** What happens to entries that others have changed since, while what is wanted stayed the same. */
  readonly drift: 'correct' | 'report'
}

/** What has to be done so that the manager's entries are the wanted ones. All lists are of names. */
export type OwnershipPlan<T> = {
  /** The entries to write; undefined removes one. */
  readonly next: Map<string, T | undefined>
  /** The entries that get this manager, or whose drift ends. */
  readonly claimed: Set<string>
  /** Those of the claimed ones that existed before. */
  readonly adopted: Set<string>
  /** The entries that lose this manager. */
  readonly released: Set<string>
  /** Why an entry is left as it is, by name. */
  readonly refused: Map<string, string>
  readonly drifted: Set<string>
}

/** Compares what is wanted, stored and last applied. Pure. */
export function planOwnership<T>(
  entries: ReadonlyMap<string, OwnedEntry<T>>,
  wanted: ReadonlyMap<string, T>,
  ownership: Ownership,
): OwnershipPlan<T> {
  const plan: OwnershipPlan<T> = {
    next: new Map(),
    claimed: new Set(),
    adopted: new Set(),
    released: new Set(),
    refused: new Map(),
    drifted: new Set(),
  }
  for (const [name, value] of wanted) planWanted(plan, { name, value, entry: entries.get(name) }, ownership)
  for (const [name, { stored, managedBy }] of entries) {
    if (managedBy !== ownership.manager || wanted.has(name)) continue
    plan.released.add(name)
    if (ownership.prune && stored !== undefined) plan.next.set(name, undefined)
  }
  return plan
}

type WantedEntry<T> = { readonly name: string; readonly value: T; readonly entry: OwnedEntry<T> | undefined }

function planWanted<T>(plan: OwnershipPlan<T>, wanted: WantedEntry<T>, ownership: Ownership): void {
  const { name, value, entry } = wanted
  const refusal = entry && refusalOf(entry, ownership)
  if (refusal !== undefined) {
    plan.refused.set(name, refusal)
    return
  }
  const isEqual = isDeepStrictEqual(entry?.stored, value)
  const isMine = entry?.managedBy === ownership.manager
  const isChanged = isMine && !isDeepStrictEqual(entry.stored, entry.applied)
  if (isChanged && !isEqual && isDeepStrictEqual(value, entry.applied)) {
    plan.drifted.add(name)
    if (ownership.drift === 'report') return
  }
  if (!isEqual) plan.next.set(name, value)
  if (!isMine || isChanged) plan.claimed.add(name)
  if (!isMine && entry?.stored !== undefined) plan.adopted.add(name)
}

function refusalOf<T>({ stored, managedBy }: OwnedEntry<T>, { manager, adopt }: Ownership): string | undefined {
  if (managedBy === manager) return undefined
  if (managedBy !== undefined) return `is managed by "${managedBy}"`
  return stored === undefined || adopt ? undefined : 'exists already and has no manager, and "adopt" is false'
}

/** Leaves an entry as it is, because of `message`. */
export function refuse<T>(plan: OwnershipPlan<T>, name: string, message: string): void {
  plan.refused.set(name, message)
  plan.next.delete(name)
  for (const names of [plan.claimed, plan.adopted, plan.released, plan.drifted]) names.delete(name)
}

/** The entries of a record after a change. */
export function recordAfter<T>(before: Readonly<Record<string, T>>, next: OwnershipPlan<T>['next']): Record<string, T> {
  const after = new Map(Object.entries(before))
  for (const [name, value] of next)
    if (value === undefined) after.delete(name)
    else after.set(name, value)
  return Object.fromEntries(after)
}
