import { FlagError } from '../../../flag/error.ts'
import { type SegmentUsers, segmentUsers } from '../../../flag/rules/segment-users.ts'
import { referencesIn } from '../../../flag/rules/segments.ts'
import type { Database } from '../database.ts'
import { type EnvironmentName, type EnvironmentRow, readEnvironmentRow, segmentRevision } from '../environments.ts'
import { selectAll } from '../needs/all-definitions.ts'

/** A segment of an environment: a rule shared by name. `revision` is that of its last change. */
export type StoredSegment = { readonly name: string; readonly rule: unknown; readonly revision: bigint }
/** With the segments that its rule refers to, and its users if they were wanted. */
export type ListedSegment = StoredSegment & {
  readonly references: readonly string[]
  readonly usedBy?: SegmentUsers | undefined
}
/** Name of a segment in an environment. */
export type SegmentName = EnvironmentName & { readonly segment: string }

/** The segments of an environment in the order of their names, after `after`. */
export function listSegments(
  database: Database,
  name: EnvironmentName,
  page: { after: string; limit: number; usedBy: boolean },
): Promise<ListedSegment[]> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    const users = page.usedBy && segmentUsers(await selectAll(db, environment.id), environment.segments)
    return Object.keys(environment.segments)
      .filter((key) => key > page.after)
      .sort()
      .slice(0, page.limit)
      .flatMap((key) => segmentIn(environment, key) ?? [])
      .map((segment) => ({ ...listed(segment), ...(users && { usedBy: users(segment.name) }) }))
  })
}

/** Reads one segment with its users. Fails with `not_found`. */
export function readSegment(database: Database, name: SegmentName): Promise<ListedSegment> {
  return database.read(async (db) => {
    const environment = await readEnvironmentRow(db, name)
    const segment = segmentIn(environment, name.segment)
    if (!segment) throw missingSegment(name)
    const users = segmentUsers(await selectAll(db, environment.id), environment.segments)
    return { ...listed(segment), usedBy: users(segment.name) }
  })
}

const listed = (segment: StoredSegment) => ({ ...segment, references: [...referencesIn(segment.rule)].sort() })

/** The segment `name` of an environment; undefined if it has none of this name. */
export function segmentIn(environment: EnvironmentRow, name: string): StoredSegment | undefined {
  const { segments } = environment
  if (!Object.hasOwn(segments, name)) return undefined
  return { name, rule: segments[name], revision: segmentRevision(environment, name) }
}

export const missingSegment = ({ project, environment, segment }: SegmentName): FlagError =>
  new FlagError('not_found', `Segment "${segment}" does not exist in "${project}/${environment}"`)
