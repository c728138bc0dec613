import { isRecord } from '../../../flag/definition.ts'
import type { Api } from '../../api/gen/api.ts'

export type ListedProject = Api['GET /api/v1/projects']['response']['items'][number]
export type Environment = Api['GET /api/v1/projects/{project}/environments']['response']['items'][number]

/** What the bucketing of an environment is. */
export const BUCKETING_TEXT = 'It decides which users get which share of a split.'

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
