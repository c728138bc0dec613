import { type Definition, isRecord } from '../../../../flag/definition.ts'
import type { Plan } from '../../../../flag/plan/plan.ts'
import { call, send } from '../../../api/client.ts'
import type { Api } from '../../../api/gen/api.ts'
import { FLAG_PATH, type FlagPlace } from '../queries.ts'

/** The next plan at `now` (unix seconds on the clock of the service); null drops the plan and keeps its rule. */
export type PlanEdit = (plan: Plan, now: number) => Plan | null

type WrittenPlan = { readonly before: Definition; readonly etag: string | undefined }

const DEFINITION = `PUT ${FLAG_PATH}` as const

/** Reads a flag, changes its plan on the clock of the service, and stores it if it is still as it was read. Throws ApiError, FlagError. */
export async function writePlan(place: FlagPlace, edit: PlanEdit): Promise<WrittenPlan> {
  const { project, environment, key } = place
  const names = ['projects', project, 'environments', environment, 'flags', key].map(encodeURIComponent)
  const response = await send('GET', `/api/v1/${names.join('/')}`)
  const before: Definition = await response.json()
  const now = Math.floor(Date.parse(response.headers.get('date') ?? '') / 1_000) || Math.floor(Date.now() / 1_000)
  const { targeting, flagstaff, ...members } = before
  const next = edit(planOf(before), now)
  const after =
    next === null ? { ...members, ...(targeting !== undefined && { targeting }) } : { ...members, flagstaff: next }
  const { etag } = await putDefinition(place, after as Definition, response.headers.get('etag') ?? undefined)
  return { before, etag }
}

/** Stores a definition. Its rule is made anew where it has a plan. */
export function putDefinition(place: FlagPlace, definition: Definition, ifMatch: string | undefined) {
  const { targeting, ...members } = definition
  const body = isRecord(definition['flagstaff']) || !targeting ? members : definition
  return call(DEFINITION, { path: place, body: body as Api[typeof DEFINITION]['body'] }, { ifMatch })
}

/** The plan of a definition; a rule without a plan is the base of a new one. */
export function planOf({ targeting, flagstaff }: Definition): Plan {
  if (isRecord(flagstaff)) return flagstaff as Plan
  const isRule = isRecord(targeting) && Object.keys(targeting).length > 0
  return { v: 1, ...(isRule && { rule: targeting }) }
}
