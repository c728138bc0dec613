import { DOCUMENT_DEPTH_MAX, RULE_DEPTH_MAX, type SegmentRules } from '../definition.ts'
import { FlagError, shorten } from '../error.ts'
import { referenceOf } from './expression.ts'
import { referencesIn, usersOf } from './segments.ts'

/** A flag or segment whose rule reaches a segment. `path`: the segments between, that of the user first; empty for a direct reference. */
export type SegmentUser = { readonly key: string; readonly path: readonly string[] }
/** The users of a segment, the nearest ones first. */
export type SegmentUsers = { readonly flags: readonly SegmentUser[]; readonly segments: readonly SegmentUser[] }

/** Reads each rule once; the result finds the users of a segment by its name. A path has at most 100 segments, as a valid rule has. */
export function segmentUsers(
  flags: Iterable<readonly [key: string, definition: { readonly targeting?: unknown; readonly flagstaff?: unknown }]>,
  segments: SegmentRules,
): (name: string) => SegmentUsers {
  const segmentsBy = usersOf(new Map(Object.entries(segments).map(([name, rule]) => [name, referencesIn(rule)])))
  const flagsBy = usersOf(
    new Map(Array.from(flags, ([key, { targeting, flagstaff }]) => [key, referencesIn([targeting, flagstaff])])),
  )
  return (name) => {
    const segmentPaths = new Map<string, readonly string[]>([[name, []]])
    const flagPaths = new Map<string, readonly string[]>()
    for (const [segment, path] of segmentPaths) {
      const from = segment === name ? [] : [segment, ...path]
      if (from.length > RULE_DEPTH_MAX) break // and so are all later ones
      addPaths(segmentPaths, segmentsBy.get(segment), from)
      addPaths(flagPaths, flagsBy.get(segment), from)
    }
    segmentPaths.delete(name)
    return { flags: usersIn(flagPaths), segments: usersIn(segmentPaths) }
  }
}

function addPaths(
  paths: Map<string, readonly string[]>,
  users: readonly string[] | undefined,
  path: readonly string[],
): void {
  for (const user of users ?? []) if (!paths.has(user)) paths.set(user, path)
}

const usersIn = (paths: ReadonlyMap<string, readonly string[]>): SegmentUser[] =>
  Array.from(paths, ([key, path]) => ({ key, path }))

/**
 * `rule` with all references to the segment `from` changed to `to`; a rule without them is returned as it is. Fails with `invalid` for a rule
 * that nests deeper than a document may.
 */
export function renameReferences(rule: unknown, from: string, to: string): unknown {
  return referencesIn(rule).has(from) ? withRenamed(rule, { from, to, depth: 0 }) : rule
}

function withRenamed(value: unknown, { from, to, depth }: { from: string; to: string; depth: number }): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > DOCUMENT_DEPTH_MAX)
    throw new FlagError(
      'invalid',
      `Cannot rename: a rule with ${shorten(from)} nests deeper than ${DOCUMENT_DEPTH_MAX}`,
    )
  if (referenceOf(value) === from) return { $ref: to }
  const inner = (item: unknown) => withRenamed(item, { from, to, depth: depth + 1 })
  if (Array.isArray(value)) return value.map(inner)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inner(item)]))
}
