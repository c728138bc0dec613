import type { Definition } from '../../../flag/definition.ts'
import { summaryOf } from '../../../flag/summary.ts'
import { ApiError, call } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'
import type { MatrixCell } from '../../api/matrix.ts'
import { patchBetween, rollOut, switched } from '../../rules/serving.ts'
import { applyEdits } from '../../rules/text.ts'
import { noteOwnWrite } from './foreign-changes.ts'

/** A flag in an environment. */
export type CellName = { readonly project: string; readonly environment: string; readonly flag: string }
/** What a write changed. `cell` is what the list shows of the definition that the service answered. */
export type WrittenCell = {
  readonly before: Definition
  readonly etag: string | undefined
  readonly cell: Pick<MatrixCell, 'revision' | 'state' | 'served' | 'variant'>
}

const DEFINITION = '/api/v1/projects/{project}/environments/{environment}/flags/{key}' as const
/** The same definitions; only the type of the API document does not allow members that are `undefined`, which JSON does not have. */
type DefinitionBody = Api[`PUT ${typeof DEFINITION}`]['body']
const pathOf = ({ flag, ...name }: CellName) => ({ ...name, key: flag })

/** Switches a flag on or off. Throws ApiError; `stale` where the flag is no longer at the revision that the list showed. */
export const switchFlag = (name: CellName, seen: MatrixCell, isWantedOn: boolean): Promise<WrittenCell> =>
  change(name, seen, (before) => switched(before, isWantedOn))

/** Serves the variant of "on" to a share of all users. Throws ApiError; `conflict` where other rules would be lost. */
export const rollOutFlag = (name: CellName, seen: MatrixCell, percent: number): Promise<WrittenCell> =>
  change(name, seen, (before) => {
    const text = JSON.stringify(before)
    const edits = rollOut(text, { percent })
    if (edits) return JSON.parse(applyEdits(text, edits))
    if (before['flagstaff'] != null)
      throw new ApiError('Its rule is made from a plan. Change the rollout on the page of the flag', {
        status: 0,
        code: 'conflict',
      })
    throw new ApiError('All other users get something else than two variants here. Change it on the page of the flag', {
      status: 0,
      code: 'conflict',
    })
  })

/** Writes a former definition back, if nothing was written since. Throws ApiError. */
export async function restore(name: CellName, { before, etag }: WrittenCell): Promise<WrittenCell['cell']> {
  const answer = await call(
    `PUT ${DEFINITION}`,
    { path: pathOf(name), body: before as DefinitionBody },
    { ifMatch: etag },
  )
  return ownCell(name, answer.data, answer.etag)
}

async function change(
  name: CellName,
  seen: MatrixCell,
  next: (before: Definition) => Definition,
): Promise<WrittenCell> {
  const path = pathOf(name)
  const { data: before, etag: ifMatch } = await call(`GET ${DEFINITION}`, { path })
  if (ifMatch !== `"${seen.revision}"`) throw new ApiError('It was changed meanwhile', { status: 412, code: 'stale' })
  const after = next(before)
  const patch = patchBetween(before, after)
  const { data, etag } = patch
    ? await call(`PATCH ${DEFINITION}`, { path, body: patch as DefinitionBody }, { ifMatch })
    : await call(`PUT ${DEFINITION}`, { path, body: after as DefinitionBody }, { ifMatch })
  return { before, etag, cell: ownCell(name, data, etag) }
}

function ownCell({ flag, environment }: CellName, definition: Definition, etag = ''): WrittenCell['cell'] {
  const revision = Number(etag.replaceAll('"', ''))
  noteOwnWrite({ flag, environment, revision })
  return { ...summaryOf(definition), revision }
}
