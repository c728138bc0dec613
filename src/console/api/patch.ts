import { ApiError, type ApiMistake } from './client.ts'

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** The members of a form that differ from what it showed at first. */
export function patchOf<Form extends object>(first: Form, form: Form): Partial<Form> {
  const changed = Object.entries(form).filter(([name, value]) => !isSame(value, first[name as keyof Form]))
  return Object.fromEntries(changed) as Partial<Form>
}

type PatchWrites<Item> = {
  /** The ETag of a version. */
  readonly tagOf: (item: Item) => string
  readonly read: () => Promise<Item>
  readonly write: (ifMatch: string) => Promise<unknown>
  /** Is called with the version that has a conflict: the next write starts from it. */
  readonly onConflict?: ((current: Item) => void) | undefined
}

const TRIES_MAX = 5

/**
 * Writes a patch to the version that a form showed when it opened: a newer one that arrives meanwhile has changes that its user has not seen. If the object is at another version, the patch is written to that one, as long as no
 * member of the patch was changed meanwhile. Throws ApiError: `stale` with a mistake for each such member.
 */
export async function writePatch<Item extends object>(
  seen: Item,
  patch: Partial<Item>,
  { tagOf, read, write, onConflict }: PatchWrites<Item>,
): Promise<void> {
  let current = seen
  for (let tries = 1; ; tries++) {
    try {
      await write(tagOf(current))
      return
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412 || tries === TRIES_MAX) throw error
      current = await read()
      const mistakes = conflictsOf(seen, patch, current)
      if (mistakes.length === 0) continue
      onConflict?.(current)
      throw new ApiError('It was changed meanwhile', { status: 412, code: 'stale', mistakes })
    }
  }
}

/** The members of a patch that others changed to something else. */
function conflictsOf<Item extends object>(seen: Item, patch: Partial<Item>, current: Item): ApiMistake[] {
  const names = (Object.keys(patch) as (keyof Item & string)[]).filter(
    (name) => !isSame(seen[name], current[name]) && !isSame(patch[name], current[name]),
  )
  return names.map((name) => ({
    pointer: `/${name}`,
    detail: `changed meanwhile to ${JSON.stringify(current[name])}. Save again to overwrite it`,
  }))
}
