import { type Definition, isRecord } from '../../../../flag/definition.ts'
import type { Plan } from '../../../../flag/plan/plan.ts'
import { call } from '../../../api/client.ts'
import type { Api } from '../../../api/gen/api.ts'
import { FLAG_PATH, type FlagPlace } from '../queries.ts'

/** Writes a flag that was read, if it is still so. */
export type PlanWrite = (
  before: Definition,
  options: { readonly ifMatch: string | undefined },
) => Promise<{ etag: string | undefined }>

type WrittenPlan = { readonly before: Definition; readonly etag: string | undefined }

const DEFINITION = `PUT ${FLAG_PATH}` as const

/** Reads a flag, and writes its plan. Throws ApiError. */
export async function writePlan(place: FlagPlace, write: PlanWrite): Promise<WrittenPlan> {
  const { data, etag: ifMatch } = await call(`GET ${FLAG_PATH}`, { path: place })
  const before = data as Definition
  const { etag } = await write(before, { ifMatch })
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
