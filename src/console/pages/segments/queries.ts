import { infiniteQueryOptions, queryOptions } from '@tanstack/preact-query'
import { type Answered, ApiError, call } from '../../api/client.ts'
import { everyPage, queryKeys } from '../../api/queries.ts'

/** Where a segment is. */
export type SegmentPath = { readonly project: string; readonly environment: string; readonly name: string }

const ONE = '/api/v1/projects/{project}/environments/{environment}/segments/{name}'

/** Who uses a segment; `path` has the segments between. */
export type SegmentUses = NonNullable<Answered<`GET ${typeof ONE}`>['data']['usedBy']>

/** The segments of an environment with their users. */
export const segmentsQuery = (project: string, environment: string) =>
  queryOptions({
    queryKey: [...queryKeys.project(project), 'segments', environment],
    queryFn: ({ signal }) =>
      everyPage(async (after) => {
        const query = { usedBy: 'true' as const, limit: '100', ...(after !== undefined && { after }) }
        const path = { project, environment }
        const operation = 'GET /api/v1/projects/{project}/environments/{environment}/segments'
        return (await call(operation, { path, query }, { signal })).data
      }),
  })

/** One segment with its users and its ETag. */
export const segmentQuery = (path: SegmentPath) =>
  queryOptions({
    queryKey: [...queryKeys.project(path.project), 'segment', path.environment, path.name],
    queryFn: async ({ signal }) => {
      const { data, etag } = await call(`GET ${ONE}`, { path: { ...path } }, { signal })
      return { ...data, etag }
    },
  })

/** The rule of a new segment: it contains no one yet. */
const NO_ONE = { in: [{ var: 'targetingKey' }, []] }

/** Creates a segment. Throws ApiError; a name that is taken is a mistake in the form. */
export async function createSegment(path: SegmentPath, rule: unknown = NO_ONE): Promise<void> {
  await call(`PUT ${ONE}`, { path: { ...path }, body: { rule } }, { isNew: true }).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 412)
      throw new ApiError(error.message, {
        status: error.status,
        code: error.code,
        mistakes: [{ pointer: '/name', detail: 'There is a segment of this name' }],
      })
    throw error
  })
}

/** The ETag that the segment must still have, and a comment for the record of changes. */
type SaveOptions = { readonly etag: string | undefined; readonly comment: string }

const commentOf = (comment: string) => (comment === '' ? {} : { comment })

/** Replaces the rule of a segment that still has `etag`. */
export const saveSegment = (path: SegmentPath, rule: unknown, { etag, comment }: SaveOptions) =>
  call(`PUT ${ONE}`, { path: { ...path }, query: commentOf(comment), body: { rule } }, { ifMatch: etag })

export const renameSegment = (path: SegmentPath, to: string, comment: string) =>
  call(`POST ${ONE}/rename`, { path: { ...path }, query: commentOf(comment), body: { to } })

/** `isForced` deletes a segment that only disabled flags use. */
export const deleteSegment = (path: SegmentPath, isForced: boolean, comment: string) =>
  call(`DELETE ${ONE}`, { path: { ...path }, query: { force: isForced ? 'true' : 'false', ...commentOf(comment) } })

/** The changes of a segment by pages, newest first. */
export const segmentHistoryQuery = (path: SegmentPath) =>
  infiniteQueryOptions({
    queryKey: [...queryKeys.project(path.project), 'segment', path.environment, path.name, 'history'],
    queryFn: async ({ pageParam, signal }) => {
      const { project, environment, name: segment } = path
      const query = { project, environment, segment, limit: '100', ...(pageParam !== '' && { before: pageParam }) }
      return (await call('GET /api/v1/changes', { query }, { signal })).data
    },
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
  })
