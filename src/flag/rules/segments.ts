import type { Bucketing, SegmentRules } from '../definition.ts'
import { broken, RuleFault, type Segment } from './expression.ts'
import { compileRule, membersOf, referenceOf, type Segments } from './rule.ts'

/** The segments of a set, compiled, and for each the other segments its rule refers to. */
export type CompiledSegments = { readonly compiled: Segments; readonly uses: ReadonlyMap<string, ReadonlySet<string>> }

/** Compiles each segment once, those it refers to before it. One that leads into a circle is undefined. */
export function compileSegments(rules: SegmentRules, bucketing: Bucketing): CompiledSegments {
  const uses = new Map(Object.keys(rules).map((name) => [name, referencesIn(rules[name])]))
  const compiled = new Map<string, Segment | undefined>()
  for (const name of inOrder(uses)) compiled.set(name, compileSegment(rules[name], compiled, bucketing))
  for (const name of uses.keys()) if (!compiled.has(name)) compiled.set(name, undefined)
  return { compiled, uses }
}

function compileSegment(rule: unknown, segments: Segments, bucketing: Bucketing): Segment {
  const members = Array.isArray(rule) ? membersOf(rule) : undefined
  try {
    return { ...compileRule(rule, segments, bucketing), members, fault: undefined }
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error
    const nothing = { nodes: 0, depth: 0, members: undefined, readsClock: false }
    return { ...nothing, expression: broken(error.message), fault: error }
  }
}

/** Names ordered so that each comes after all it refers to (Kahn 1962); those that lead into a circle are left out. */
function inOrder(uses: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const users = usersOf(uses)
  const waiting = new Map<string, number>()
  const ready: string[] = []
  for (const [name, names] of uses) {
    const known = [...names].filter((other) => uses.has(other)).length
    waiting.set(name, known)
    if (known === 0) ready.push(name)
  }
  for (const name of ready) {
    for (const user of users.get(name) ?? []) {
      const left = (waiting.get(user) ?? 0) - 1
      waiting.set(user, left)
      if (left === 0) ready.push(user)
    }
  }
  return ready
}

function usersOf(uses: ReadonlyMap<string, ReadonlySet<string>>): Map<string, string[]> {
  const users = new Map<string, string[]>()
  for (const [name, names] of uses) {
    for (const other of names) {
      const list = users.get(other)
      if (list === undefined) users.set(other, [name])
      else list.push(name)
    }
  }
  return users
}

/** `changed` and every segment whose rule reaches one of them, by the references of both sets. */
export function affectedBy(changed: Iterable<string>, ...uses: readonly CompiledSegments['uses'][]): Set<string> {
  const affected = new Set(changed)
  const maps = uses.map(usersOf)
  for (const name of affected) {
    for (const users of maps) for (const user of users.get(name) ?? []) affected.add(user)
  }
  return affected
}

/** The segments that `rule` reaches, by itself or through others. */
export function reachedFrom(rule: unknown, segments: SegmentRules): SegmentRules {
  const names = new Set(referencesIn(rule))
  for (const name of names) {
    if (!Object.hasOwn(segments, name)) continue
    for (const other of referencesIn(segments[name])) names.add(other)
  }
  const reached = [...names].filter((name) => Object.hasOwn(segments, name))
  return Object.fromEntries(reached.map((name) => [name, segments[name]]))
}

/** The names of all segments that a rule mentions. No recursion: a stored rule may be deeper than any stack. */
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
