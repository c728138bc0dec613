import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { type Definition, isRecord } from '../../../../flag/definition.ts'
import { ApiError, call } from '../../../api/client.ts'
import type { Api } from '../../../api/gen/api.ts'
import { refreshProject } from '../../../api/queries.ts'
import { showToast } from '../../../parts/overlays/toast.tsx'
import { definitionQuery, FLAG_PATH, type FlagPlace, type ReadDefinition } from '../queries.ts'

type SaveRequest = {
  readonly definition: unknown
  /** The ETag that the stored definition must still have. Undefined: there is none yet. */
  readonly etag: string | undefined
  readonly comment: string
  /** What was done, in the message; "is saved" by default. */
  readonly did?: string
  /** The definition that "Undo" in the message stores again. */
  readonly undo?: unknown
}

const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 412

/** The rule that a plan made is made anew by the service. One that was written by hand is sent, so that the service can refuse it. */
function withoutMadeRule(definition: unknown, stored: Definition | undefined): unknown {
  if (!isRecord(definition) || !isRecord(definition['flagstaff'])) return definition
  if (JSON.stringify(definition['targeting']) !== JSON.stringify(stored?.targeting)) return definition
  const { targeting: _, ...rest } = definition
  return rest
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Stores definitions of one flag. `onConflict` is called if it was changed meanwhile. */
export function useSave(place: FlagPlace, onConflict: () => void) {
  const queries = useQueryClient()
  const [isSaving, setSaving] = useState(false)
  const storedIn = () => queries.getQueryData(definitionQuery(place).queryKey)?.definition
  const store = (next: ReadDefinition) => {
    queries.setQueryData(definitionQuery(place).queryKey, next)
    void refreshProject(queries, place.project)
  }
  const run = async (write: () => Promise<ReadDefinition>): Promise<ReadDefinition | undefined> => {
    setSaving(true)
    try {
      const stored = await write()
      store(stored)
      return stored
    } catch (error) {
      await queries.invalidateQueries({ queryKey: definitionQuery(place).queryKey })
      if (isConflict(error)) onConflict()
      else showToast(messageOf(error), { isError: true })
      return undefined
    } finally {
      setSaving(false)
    }
  }
  const save = ({
    definition,
    etag,
    comment,
    did = 'is saved',
    undo,
  }: SaveRequest): Promise<ReadDefinition | undefined> =>
    run(async () => {
      const query = comment === '' ? {} : { comment }
      const body = withoutMadeRule(definition, storedIn()) as Api[`PUT ${typeof FLAG_PATH}`]['body']
      const { data, etag: next = '' } = await call(`PUT ${FLAG_PATH}`, { path: place, query, body }, { ifMatch: etag })
      const { warnings: _, ...written } = data
      const takeBack = () => void save({ definition: undo, etag: next, comment: '', did: 'is as before' })
      showToast(`${place.key} ${did} in ${place.environment}`, undo === undefined ? {} : { undo: takeBack })
      return { definition: written as Definition, etag: next }
    })
  const bringBack = (revision: number, etag: string | undefined) =>
    run(async () => {
      const { data, etag: next = '' } = await call(
        `POST ${FLAG_PATH}/rollback`,
        { path: place, body: { revision } },
        { ifMatch: etag },
      )
      showToast(`${place.key} in ${place.environment} is as it was at revision ${revision}`)
      return { definition: data.definition as Definition, etag: next }
    })
  return { save, bringBack, isSaving }
}
