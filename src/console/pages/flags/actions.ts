import { type QueryClient, useQuery, useQueryClient } from '@tanstack/preact-query'
import { useMemo } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import type { Matrix, MatrixCell } from '../../api/matrix.ts'
import { queryKeys, sessionQuery } from '../../api/queries.ts'
import { showToast } from '../../parts/overlays/toast.tsx'
import type { CellName, WrittenCell } from './writes.ts'

/** What a cell can do. Each shows its result as a toast with Undo, and resolves when the list shows it. */
export type CellActions = {
  /** Whether the session may change flags in an environment; undefined: those of the project itself. False until the session is known. */
  readonly mayChange: (environment?: string) => boolean
  readonly toggle: (name: CellName, seen: MatrixCell, isWantedOn: boolean) => Promise<void>
  readonly rollOut: (name: CellName, seen: MatrixCell, percent: number) => Promise<void>
}

/** The actions of the cells of a project. */
export function useCellActions(): CellActions {
  const queries = useQueryClient()
  const { data: session } = useQuery(sessionQuery())
  return useMemo(() => {
    const run = async (name: CellName, write: (writes: Writes) => Promise<WrittenCell>) => {
      try {
        const writes = await import('./writes.ts')
        const written = await write(writes)
        setCell(queries, name, written.cell)
        showToast(`${name.flag} in ${name.environment}: ${written.cell.served}`, {
          undo: () => void undo(queries, name, written),
        })
      } catch (error) {
        await explain(queries, name, error)
      }
    }
    const bound = session?.environment?.environment
    return {
      mayChange: (environment = bound) =>
        session !== undefined && session?.role !== 'viewer' && (bound === undefined || environment === bound),
      toggle: (name, seen, isWantedOn) => run(name, ({ switchFlag }) => switchFlag(name, seen, isWantedOn)),
      rollOut: (name, seen, percent) => run(name, ({ rollOutFlag }) => rollOutFlag(name, seen, percent)),
    }
  }, [queries, session])
}

type Writes = typeof import('./writes.ts')

async function undo(queries: QueryClient, name: CellName, written: WrittenCell): Promise<void> {
  try {
    const { restore } = await import('./writes.ts')
    const cell = await restore(name, written)
    setCell(queries, name, cell)
    showToast(`Undone. ${name.flag} in ${name.environment}: ${cell.served}`)
  } catch (error) {
    await explain(queries, name, error)
  }
}

/** Shows why a write failed. After another's change the list is read again, so that it shows that. */
async function explain(queries: QueryClient, { project, flag, environment }: CellName, error: unknown): Promise<void> {
  if (!(error instanceof ApiError)) throw error
  if (error.status === 412 || error.status === 404)
    await queries.invalidateQueries({ queryKey: queryKeys.matrix(project) })
  const text = error.status === 412 ? 'was changed meanwhile. The list shows the new state' : error.message
  showToast(`${flag} in ${environment} ${error.status === 412 ? text : `was not changed: ${text}`}`, { isError: true })
}

/** Puts a cell into the list that is held, as the service answered it. */
function setCell(queries: QueryClient, { project, environment, flag }: CellName, written: WrittenCell['cell']): void {
  queries.setQueryData<Matrix>(queryKeys.matrix(project), (matrix) => {
    if (!matrix) return matrix
    const flags = matrix.flags.map((row) => {
      const cell = row.environments[environment]
      if (row.key !== flag || !cell) return row
      return { ...row, environments: { ...row.environments, [environment]: { ...cell, ...written } } }
    })
    // The environment is at the new revision, unless there were others between, which are still to be read.
    const environments = matrix.environments.map((each) =>
      each.key === environment && each.revision + 1 === written.revision
        ? { ...each, revision: written.revision }
        : each,
    )
    return { ...matrix, environments, flags }
  })
}
