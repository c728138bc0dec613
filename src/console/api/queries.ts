import { hashKey, type QueryClient, queryOptions, skipToken } from '@tanstack/preact-query'
import { dataAhead, takeDataAhead } from './ahead.ts'
import { ApiError, call, read } from './client.ts'
import { FIRST_ROWS, firstRowsUrl } from './first-requests.ts'
import type { Api } from './gen/api.ts'
import type { Matrix } from './matrix.ts'
import { type ConsoleSession, SESSION } from './session.ts'

const PAGE_MAX = '100'
/** 5,000 entries of a list; 25,000 flags of a matrix, whose parts have 500 flags or more. */
const PAGES_MAX = 50

/** Keys of the queries, by what they hold: a hint or a write invalidates by these. */
export const queryKeys = {
  projects: ['projects'],
  environments: (project: string) => ['project', project, 'environments'],
  matrix: (project: string) => ['project', project, 'matrix'],
  project: (project: string) => ['project', project],
  keys: ['keys'],
} as const

/** Who is signed in. Null in trial mode, and where the service has no sessions: then every page is open. */
export const sessionQuery = () =>
  queryOptions({
    queryKey: ['session'],
    initialData: () => {
      const data = takeDataAhead(SESSION)
      return data === undefined ? undefined : sessionIn(data)
    },
    queryFn: async ({ signal }): Promise<ConsoleSession | null> => {
      try {
        return sessionIn((await read(SESSION, { signal })).data)
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
    staleTime: 300_000,
  })

function sessionIn(data: unknown): ConsoleSession | null {
  const session = data as ConsoleSession | { mode: 'trial' }
  return session.mode === 'trial' ? null : session
}

/** All projects that the session may see. */
export const projectsQuery = () =>
  queryOptions({
    queryKey: queryKeys.projects,
    queryFn: ({ signal }) =>
      everyPage(async (after) => (await call('GET /api/v1/projects', { query: page(after) }, { signal })).data),
  })

/** The environments of a project. */
export const environmentsQuery = (project: string) =>
  queryOptions({
    queryKey: queryKeys.environments(project),
    queryFn: async ({ signal }) =>
      (await call('GET /api/v1/projects/{project}/environments', { path: { project } }, { signal })).data.items,
  })

/** All keys, without their secrets, newest first. */
export const keysQuery = () =>
  queryOptions({
    queryKey: queryKeys.keys,
    queryFn: ({ signal }) =>
      everyPage(async (offset) => {
        const query = { limit: PAGE_MAX, ...(offset !== undefined && { offset }) }
        return (await call('GET /api/v1/keys', { query }, { signal })).data
      }),
  })

/**
 * Each flag of a project in each of its environments: what the list shows. Thousands take a while, so the first flags are read by themselves:
 * they are the data of `matrixStartQuery` until the others are there. Every reading has the same URLs, so that the service can answer that
 * nothing has changed.
 */
export const matrixQuery = (project: string) =>
  queryOptions({
    queryKey: queryKeys.matrix(project),
    queryFn: async ({ client, signal }): Promise<Matrix> => {
      const { next, ...matrix } = await readMatrix(project, { limit: FIRST_ROWS }, signal)
      if (next === null) return matrix
      if (client.getQueryData(queryKeys.matrix(project)) === undefined)
        client.setQueryData(matrixStartQuery(project).queryKey, matrix)
      const more = await everyPage(async (after = next) => {
        const { flags, next: further } = await readMatrix(project, { after }, signal)
        return { items: flags, next: further }
      })
      return { ...matrix, flags: [...matrix.flags, ...more] }
    },
  })

/** The first flags of a project, until `matrixQuery` has all of them. It reads nothing by itself. */
export const matrixStartQuery = (project: string) =>
  queryOptions<Matrix>({
    queryKey: ['matrix start', project],
    queryFn: skipToken,
    initialData: () => dataAhead(firstRowsUrl(project)) as Matrix | undefined,
  })

const MATRIX = 'GET /api/v1/projects/{project}/matrix'

const readMatrix = async (project: string, query: Api[typeof MATRIX]['query'], signal: AbortSignal) =>
  (await call(MATRIX, { path: { project }, query }, { signal })).data

/** A revision that an environment has reached. */
export type ReachedRevision = { readonly environment: string; readonly revision: number }

/** Reads again what may have changed in a project; the matrix not if it has the revisions that were reached, by writes of this tab. */
export const refreshProject = (
  queries: QueryClient,
  project: string,
  reached?: readonly ReachedRevision[],
): Promise<void> =>
  queries.invalidateQueries({
    queryKey: queryKeys.project(project),
    predicate: ({ queryHash, state: { data, fetchStatus } }) =>
      reached === undefined ||
      queryHash !== hashKey(queryKeys.matrix(project)) ||
      fetchStatus !== 'idle' || // what is being read may be older
      !reached.every((revision) => hasReached(data as Matrix | undefined, revision)),
  })

const hasReached = (matrix: Matrix | undefined, { environment, revision }: ReachedRevision): boolean =>
  matrix?.environments.some((each) => each.key === environment && each.revision >= revision) ?? false

const page = (after: string | undefined) => ({ limit: PAGE_MAX, ...(after !== undefined && { after }) })

/** The items of all pages of a list, up to `PAGES_MAX`. */
export async function everyPage<Item>(
  read: (after: string | undefined) => Promise<{ readonly items: readonly Item[]; readonly next: string | null }>,
): Promise<readonly Item[]> {
  const items: Item[] = []
  let after: string | undefined
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { items: more, next } = await read(after)
    items.push(...more)
    if (next === null) break
    after = next
  }
  return items
}
