import { infiniteQueryOptions } from '@tanstack/preact-query'
import { type Answered, call } from '../../api/client.ts'
import { queryKeys } from '../../api/queries.ts'

const PAGE = '100'

/** What is compared: the environment that flags are carried from, the one that they are carried to, and one flag or all. */
export type ComparedPair = {
  readonly project: string
  readonly source: string
  readonly target: string
  readonly flag: string | undefined
}

export type ComparisonPage = Answered<'GET /api/v1/projects/{project}/compare'>['data']
/** A flag that differs. */
export type ComparedItem = ComparisonPage['items'][number]
export type ComparedMember = ComparedItem['members'][number]
export type ComparedSegment = ComparisonPage['segments'][number]

/** The flags that differ, by pages in the order of their keys. */
export const compareQuery = ({ project, source, target, flag }: ComparedPair) =>
  infiniteQueryOptions({
    queryKey: [...queryKeys.project(project), 'compare', source, target, flag ?? ''],
    queryFn: async ({ pageParam, signal }) => {
      const query = { source, target, only: 'different' as const, limit: PAGE }
      const more = { ...(flag !== undefined && { flag }), ...(pageParam !== '' && { after: pageParam }) }
      const path = { project }
      return (await call('GET /api/v1/projects/{project}/compare', { path, query: { ...query, ...more } }, { signal }))
        .data
    },
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
  })
