import { queryOptions } from '@tanstack/preact-query'
import type { Context, Definition, Metadata, SegmentRules } from '../../../flag/definition.ts'
import { ApiError, call } from '../../api/client.ts'
import { queryKeys } from '../../api/queries.ts'
import type { ShortExplanation } from './explain/all-flags.tsx'
import { attributesIn } from './explain/context.ts'

/** A flag in one environment. */
export type FlagPlace = { readonly project: string; readonly environment: string; readonly key: string }

export const FLAG_PATH = '/api/v1/projects/{project}/environments/{environment}/flags/{key}'
/** Keys in one request for explanations. */
const EXPLAINED_MAX = 100

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

export const historyQuery = (place: FlagPlace) =>
  queryOptions({
    queryKey: keyOf(place, 'history'),
    queryFn: async () => (await call(`GET ${FLAG_PATH}/history`, { path: place, query: { limit: '100' } })).data,
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

/** Explains all flags of an environment for one context, as they are stored. */
export async function explainAll(
  { project, environment }: FlagPlace,
  keys: readonly string[],
  context: Context,
): Promise<ShortExplanation[]> {
  const rows: ShortExplanation[] = []
  for (let start = 0; start < keys.length; start += EXPLAINED_MAX) {
    const flags = keys.slice(start, start + EXPLAINED_MAX) as [string, ...string[]]
    const path = { project, environment }
    const { data } = await call('POST /api/v1/projects/{project}/environments/{environment}/explain', {
      path,
      body: { context, flags },
    })
    for (const { key, answer, summary } of data.explanations ?? [])
      rows.push({ key, variant: answer.variant, value: answer.value, summary })
  }
  return rows
}

/** What the rules of an environment share, and which names they use. */
export type RuleWords = {
  readonly segments: SegmentRules
  readonly attributes: readonly string[]
  readonly metadata: Metadata
}

/** Reads the flag set for its segments, and for the attributes that its rules read. */
export const ruleWordsQuery = (project: string, environment: string) =>
  queryOptions({
    queryKey: [...queryKeys.project(project), 'rule-words', environment],
    queryFn: async (): Promise<RuleWords> => {
      const path = { project, environment }
      const { data } = await call('GET /api/v1/projects/{project}/environments/{environment}/flagset', { path })
      const { flags = {}, $evaluators = {}, metadata = {} } = data as FlagSetBody
      const attributes = new Set<string>()
      for (const rule of [...Object.values(flags).map(({ targeting }) => targeting), ...Object.values($evaluators)])
        for (const name of attributesIn(rule, {})) attributes.add(name)
      return { segments: $evaluators, attributes: [...attributes].sort(), metadata }
    },
    staleTime: 60_000,
  })

type FlagSetBody = {
  readonly flags?: Readonly<Record<string, Definition>>
  readonly $evaluators?: SegmentRules
  readonly metadata?: Metadata
}

/** The type of the values of a flag. */
export type ValueType = 'boolean' | 'string' | 'number' | 'object'
