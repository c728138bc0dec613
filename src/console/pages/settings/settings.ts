import { isRecord } from '../../../flag/definition.ts'
import { ApiError } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'

export type ListedProject = Api['GET /api/v1/projects']['response']['items'][number]
export type Environment = Api['GET /api/v1/projects/{project}/environments']['response']['items'][number]

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
}

const TRIES_MAX = 5

/**
 * Writes a patch to the version that was seen. If the object is at another version, the patch is written to that one, as long as no
 * member of the patch was changed meanwhile. Throws ApiError: `stale` with a mistake for each such member.
 */
export async function writePatch<Item extends object>(
  seen: Item,
  patch: Partial<Item>,
  { tagOf, read, write }: PatchWrites<Item>,
): Promise<void> {
  let current = seen
  for (let tries = 1; ; tries++) {
    try {
      await write(tagOf(current))
      return
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412 || tries === TRIES_MAX) throw error
      current = await read()
      refuseConflicts(seen, patch, current)
    }
  }
}

function refuseConflicts<Item extends object>(seen: Item, patch: Partial<Item>, current: Item): void {
  const names = (Object.keys(patch) as (keyof Item & string)[]).filter(
    (name) => !isSame(seen[name], current[name]) && !isSame(patch[name], current[name]),
  )
  if (names.length === 0) return
  const mistakes = names.map((name) => ({
    pointer: `/${name}`,
    detail: `changed meanwhile to ${JSON.stringify(current[name])}. Save again to overwrite it`,
  }))
  throw new ApiError('It was changed meanwhile', { status: 412, code: 'stale', mistakes })
}

/** The environments whose positions change when one moves by `step` places, with their new positions. */
export function moved(
  environments: readonly Environment[],
  key: string,
  step: -1 | 1,
): readonly { readonly environment: Environment; readonly position: number }[] {
  const order = [...environments]
  const from = order.findIndex((each) => each.key === key)
  const to = from + step
  const [environment] = order.splice(from, 1)
  if (from < 0 || to < 0 || to >= environments.length || !environment) return []
  order.splice(to, 0, environment)
  return order
    .map((environment, position) => ({ environment, position }))
    .filter(({ environment, position }) => environment.position !== position)
}

/** Metadata from their JSON text; a text instead says what is wrong with it. */
export function metadataOf(text: string): Environment['metadata'] | string {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? (value as Environment['metadata']) : 'Must be a JSON object, such as {"team": "payments"}'
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : error}`
  }
}
