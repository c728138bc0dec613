import { ApiError, call } from '../../api/client.ts'
import type { MatrixFlag } from '../../api/matrix.ts'

const PARALLEL = 4

/** The definition of a new flag: its first variants, switched off. A number, text or object gets its values on its own page. */
export const FIRST_DEFINITIONS = {
  boolean: { variants: { on: true, off: false }, defaultVariant: 'off' },
  string: { variants: { off: '', on: 'on' }, defaultVariant: 'off' },
  number: { variants: { off: 0, on: 1 }, defaultVariant: 'off' },
  object: { variants: { off: {}, on: { enabled: true } }, defaultVariant: 'off' },
} as const

type NewFlag = { readonly key: string; readonly type: MatrixFlag['type']; readonly description: string }

/** Creates a flag that no environment defines. Throws ApiError. */
export async function createFlag(project: string, flag: NewFlag): Promise<void> {
  await call('POST /api/v1/projects/{project}/flags', { path: { project }, body: flag })
}

/** Defines a new flag as off in each environment that does not define it. Throws ApiError. */
export async function defineFlag(
  project: string,
  environments: readonly string[],
  { key, type }: Pick<NewFlag, 'key' | 'type'>,
): Promise<void> {
  const body = { state: 'ENABLED' as const, ...FIRST_DEFINITIONS[type] }
  for (const environment of environments) {
    const path = { project, environment, key }
    const operation = 'PUT /api/v1/projects/{project}/environments/{environment}/flags/{key}'
    await call(operation, { path, body }, { isNew: true }).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 412)) throw error
    })
  }
}

type FlagChange = { readonly archived?: boolean; readonly addTag?: string }

/** Changes properties of flags, a few at a time. Resolves with the keys of those that were refused. */
export function changeFlags(project: string, keys: readonly string[], change: FlagChange): Promise<string[]> {
  return refused(keys, (key) => changeFlag(project, key, change))
}

/** Runs `action` for each key, a few at a time. Resolves with the keys for which it failed. */
export async function refused(keys: readonly string[], action: (key: string) => Promise<unknown>): Promise<string[]> {
  const failed: string[] = []
  const waiting = [...keys]
  const work = async () => {
    for (let key = waiting.shift(); key !== undefined; key = waiting.shift())
      await action(key).catch(() => failed.push(key))
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  return failed
}

async function changeFlag(project: string, key: string, { archived, addTag }: FlagChange): Promise<void> {
  const path = { project, key }
  const { data, etag } = await call('GET /api/v1/projects/{project}/flags/{key}', { path })
  const tags = addTag === undefined || data.tags.includes(addTag) ? undefined : [...data.tags, addTag]
  const body = { ...(archived !== undefined && { archived }), ...(tags && { tags }) }
  if (Object.keys(body).length > 0)
    await call('PATCH /api/v1/projects/{project}/flags/{key}', { path, body }, { ifMatch: etag })
}
