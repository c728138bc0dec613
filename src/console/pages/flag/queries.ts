import { infiniteQueryOptions, queryOptions } from '@tanstack/preact-query'
import type { Definition, SegmentRules } from '../../../flag/definition.ts'
import { type Answered, ApiError, call } from '../../api/client.ts'
import { everyPage, queryKeys } from '../../api/queries.ts'
import type { JsonScalar } from '../../rules/view.ts'

/** A flag in one environment. */
export type FlagPlace = { readonly project: string; readonly environment: string; readonly key: string }

const HISTORY_PAGE = '100'

export const FLAG_PATH = '/api/v1/projects/{project}/environments/{environment}/flags/{key}'

const keyOf = ({ project, environment, key }: FlagPlace, what: string) => [
  ...queryKeys.project(project),
  'flag',
  key,
  environment,
  what,
]

/** A definition as it is stored, with its ETag. */
export type ReadDefinition = { readonly definition: Definition; readonly etag: string }

/** Reads the definition; null where the flag has none in this environment. Throws ApiError. */
export async function readDefinition(place: FlagPlace): Promise<ReadDefinition | null> {
  try {
    const { data, etag = '' } = await call(`GET ${FLAG_PATH}`, { path: place })
    return { definition: data as Definition, etag }
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}

export const definitionQuery = (place: FlagPlace) =>
  queryOptions({ queryKey: keyOf(place, 'definition'), queryFn: () => readDefinition(place) })

/** What the flag has in common in all environments, with its ETag. */
export const flagQuery = (project: string, key: string) =>
  queryOptions({
    queryKey: [...queryKeys.project(project), 'flag', key],
    queryFn: () => call('GET /api/v1/projects/{project}/flags/{key}', { path: { project, key } }),
  })

/** The changes of the flag in this environment by pages, newest first. */
export const historyQuery = (place: FlagPlace) =>
  infiniteQueryOptions({
    queryKey: keyOf(place, 'history'),
    queryFn: async ({ pageParam, signal }) => {
      const query = { limit: HISTORY_PAGE, ...(pageParam !== '' && { before: pageParam }) }
      return (await call(`GET ${FLAG_PATH}/history`, { path: place, query }, { signal })).data
    },
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
  })

/** Evaluations by hour of the last `hours`. */
export const usageQuery = (place: FlagPlace, hours: number) =>
  queryOptions({
    queryKey: [...keyOf(place, 'usage'), hours],
    queryFn: async () => {
      const from = new Date(Date.now() - hours * 3_600_000).toISOString()
      return (await call(`GET ${FLAG_PATH}/usage`, { path: place, query: { from } })).data
    },
  })

/** What the rules of an environment share, and which names they use. */
export type RuleWords = {
  readonly segments: SegmentRules
  readonly attributes: readonly string[]
  /** What rules compare an attribute with, most used first. */
  readonly values: AttributeValues
}
export type AttributeValues = ReadonlyMap<string, readonly JsonScalar[]>

/** The segments of an environment, and the attributes that the rules of its project read. */
export const ruleWordsQuery = (project: string, environment: string) =>
  queryOptions({
    queryKey: [...queryKeys.project(project), 'rule-words', environment],
    queryFn: async ({ signal }): Promise<RuleWords> => {
      const [segments, attributes] = await Promise.all([
        readSegments({ project, environment }, signal),
        call('GET /api/v1/projects/{project}/attributes', { path: { project } }, { signal }),
      ])
      const { items } = attributes.data
      const names = items.flatMap(({ name, isBuiltIn }) => (isBuiltIn ? [] : name))
      const values = new Map(items.map(({ name, values }) => [name, values]))
      return { segments, attributes: [...new Set(['targetingKey', ...names])].sort(), values }
    },
    staleTime: 60_000,
  })

async function readSegments(path: Omit<FlagPlace, 'key'>, signal: AbortSignal): Promise<SegmentRules> {
  const segments = await everyPage(async (after) => {
    const query = { limit: '100', ...(after !== undefined && { after }) }
    return (
      await call('GET /api/v1/projects/{project}/environments/{environment}/segments', { path, query }, { signal })
    ).data
  })
  return Object.fromEntries(segments.map(({ name, rule }) => [name, rule])) as SegmentRules
}

/** All definitions of an environment, by key. */
export const definitionsQuery = ({ project, environment }: Omit<FlagPlace, 'key'>) =>
  queryOptions({
    queryKey: [...queryKeys.project(project), 'definitions', environment],
    queryFn: async ({ signal }) => {
      const path = { project, environment }
      const operation = 'GET /api/v1/projects/{project}/environments/{environment}/flagset'
      const { data } = await call(operation, { path, query: { portable: 'false' } }, { signal })
      return (data.flags ?? {}) as Readonly<Record<string, Definition>>
    },
  })

/** An environment as the service lists it. */
export type ListedEnvironment = Answered<'GET /api/v1/projects/{project}/environments'>['data']['items'][number]

/** The type of the values of a flag. */
export type ValueType = 'boolean' | 'string' | 'number' | 'object'
