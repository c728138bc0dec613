import type { Bucketing, SegmentRules } from '../definition.ts'
import { broken, RuleFault, referenceOf } from './expression.ts'
import { compileRule, type Instrument, membersOf, type RuleScope, type Segment, type Segments } from './rule.ts'

/** For each segment, by name, the segments that its rule refers to. */
type References = ReadonlyMap<string, ReadonlySet<string>>

/** The segments of a flag set, compiled, with their references to each other. */
export type CompiledSegments = { readonly compiled: Segments; readonly references: References }

/** Compiles each segment once, after those it refers to. A segment on a cycle, or that leads to one, is undefined. */
export function compileSegments(rules: SegmentRules, bucketing: Bucketing, instrument?: Instrument): CompiledSegments {
  const references = new Map(Object.keys(rules).map((name) => [name, referencesIn(rules[name])]))
  const compiled = new Map<string, Segment | undefined>()
  for (const name of topologicalOrder(references)) {
    const scope = { segments: compiled, bucketing, instrument }
    compiled.set(name, compileSegment(rules[name], scope))
  }
  for (const name of references.keys()) if (!compiled.has(name)) compiled.set(name, undefined)
  return { compiled, references }
}

function compileSegment(rule: unknown, scope: RuleScope): Segment {
  const members = Array.isArray(rule) ? membersOf(rule) : undefined
  try {
    return { ...compileRule(rule, scope), members, fault: undefined }
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error
    const empty = { nodes: 0, depth: 0, members: undefined, readsClock: false }
    return { ...empty, expression: broken(error.message), fault: error }
  }
}

/** Names ordered so that each follows all names it refers to (Kahn 1962). Names that lead to a cycle are left out. */
function topologicalOrder(references: References): string[] {
  const users = usersOf(references)
  const pending = new Map<string, number>()
  for (const [name, names] of references) pending.set(name, [...names].filter((other) => references.has(other)).length)
  const ready = [...references.keys()].filter((name) => pending.get(name) === 0)
  for (const name of ready) {
    for (const user of users.get(name) ?? []) {
      const left = (pending.get(user) ?? 0) - 1
      pending.set(user, left)
      if (left === 0) ready.push(user)
    }
  }
  return ready
}

/** The reverse of `references`: for each segment, by name, those that refer to it. */
export function usersOf(references: References): Map<string, string[]> {
  const users = new Map<string, string[]>()
  for (const [name, names] of references) {
    for (const other of names) {
      const list = users.get(other)
      if (list === undefined) users.set(other, [name])
      else list.push(name)
    }
  }
  return users
}

/** `changed`, and every segment that refers to one of them, directly or through others, in any of the `references`. */
export function affectedBy(changed: Iterable<string>, ...references: readonly References[]): Set<string> {
  const affected = new Set(changed)
  const maps = references.map(usersOf)
  for (const name of affected) {
    for (const users of maps) for (const user of users.get(name) ?? []) affected.add(user)
  }
  return affected
}

/** The segments that `rule` refers to, directly or through others. */
export function reachedFrom(rule: unknown, segments: SegmentRules): SegmentRules {
  const names = new Set(referencesIn(rule))
  for (const name of names) {
    if (!Object.hasOwn(segments, name)) continue
    for (const other of referencesIn(segments[name])) names.add(other)
  }
  const reached = [...names].filter((name) => Object.hasOwn(segments, name))
  return Object.fromEntries(reached.map((name) => [name, segments[name]]))
}

/** The names of all segments in a rule. Not recursive: see `DOCUMENT_DEPTH_MAX`. */
export function referencesIn(rule: unknown): ReadonlySet<string> {
  const names = new Set<string>()
  const pending: unknown[] = [rule]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null) continue
    const name = referenceOf(value)
    if (name === undefined) for (const inner of Object.values(value)) pending.push(inner)
    else names.add(name)
  }
  return names
}
