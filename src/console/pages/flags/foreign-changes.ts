import type { Matrix } from '../../api/matrix.ts'

const OWN_MAX = 1_000

/** Cells that this tab wrote, each with its revision. The oldest are forgotten. */
const ownWrites = new Set<string>()

/** A flag in an environment at a revision. */
type CellRevision = { readonly flag: string; readonly environment: string; readonly revision: number }
const textOf = ({ flag, environment, revision }: CellRevision) => `${flag}\n${environment}\n${revision}`

/** Notes that this tab made a change, so that it is not shown as one of others. */
export function noteOwnWrite(cell: CellRevision): void {
  ownWrites.add(textOf(cell))
  for (const oldest of ownWrites) {
    if (ownWrites.size <= OWN_MAX) break
    ownWrites.delete(oldest)
  }
}

/** Whether this tab made a change. */
export const isOwnWrite = (cell: CellRevision): boolean => ownWrites.has(textOf(cell))

/** The cells that differ between two readings of a project, without those that `isOwn` accepts, each with what it serves now. */
export function changedCells(before: Matrix, after: Matrix, isOwn: (cell: CellRevision) => boolean) {
  const old = new Map(before.flags.map(({ key, environments }) => [key, environments]))
  return after.flags.flatMap(({ key: flag, environments }) =>
    Object.entries(environments).flatMap(([environment, { revision, served }]) => {
      const known = old.get(flag)?.[environment]
      if (!known || known.revision === revision || isOwn({ flag, environment, revision })) return []
      return [{ flag, environment, served }]
    }),
  )
}
