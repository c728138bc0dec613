import { setImmediate } from 'node:timers/promises'
import { checkDefinitionIn } from '../../flag/check/definition.ts'
import { checkRule } from '../../flag/check/rule.ts'
import type { FlagSetDocument } from '../../flag/definition.ts'
import type { Mistake } from '../../flag/error.ts'
import { pointerTo } from '../../flag/error.ts'
import { compileSegments } from '../../flag/rules/segments.ts'
import type { Database } from './database.ts'
import { exportFlagSet } from './flag-set.ts'
import type { EnvironmentName } from './revision.ts'

/** What is wrong with one flag or segment. Pointers lead into the document that an export of the stored form answers. */
export type Problem = {
  readonly subject: 'flag' | 'segment'
  readonly key: string
  readonly mistakes: readonly Mistake[]
}

/** A page of problems, and the cursor of the next one; null at the end. */
export type Problems = { readonly revision: bigint; readonly items: readonly Problem[]; readonly next: string | null }

/** Flags that are checked between two turns of the event loop: some 5 ms. */
const CHECKED_AT_ONCE = 100

/** Finds the flags and segments of an environment that have mistakes, flags first and both by key, after the cursor `after`. */
export async function findProblems(
  database: Database,
  name: EnvironmentName,
  { after, limit }: { after: string; limit: number },
): Promise<Problems> {
  const { revision, ...document } = await exportFlagSet(database, name)
  const items: Problem[] = []
  let checked = 0
  for (const { cursor, look } of checksOf(document)) {
    if (cursor <= after) continue
    const problem = look()
    if (problem) items.push(problem)
    if (items.length === limit) return { revision, items, next: cursor }
    checked += 1
    if (checked % CHECKED_AT_ONCE === 0) await setImmediate()
  }
  return { revision, items, next: null }
}

type Check = { readonly cursor: string; readonly look: () => Problem | undefined }

function checksOf({ flags, segments }: FlagSetDocument): Check[] {
  const { compiled } = compileSegments(segments, 'v2')
  const ofFlags = [...flags].map(([key, definition]): Check => {
    const look = () => problemOf('flag', key, checkDefinitionIn(definition, compiled, pointerTo('flags', key)))
    return { cursor: `flag:${key}`, look }
  })
  const ofSegments = Object.entries(segments).map(([key, rule]): Check => {
    const look = () => problemOf('segment', key, checkRule(rule, compiled, pointerTo('$evaluators', key)))
    return { cursor: `segment:${key}`, look }
  })
  return [...ofFlags, ...ofSegments].sort((one, other) => (one.cursor < other.cursor ? -1 : 1))
}

const problemOf = (subject: Problem['subject'], key: string, mistakes: readonly Mistake[]): Problem | undefined =>
  mistakes.length === 0 ? undefined : { subject, key, mistakes }
