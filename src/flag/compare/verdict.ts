import { isRecord } from '../definition.ts'

/**
 * What a comparison says of one part. `take`: only the source has changed since the part was last carried; `keep`: only the target has;
 * `conflict`: both have, differently; `unknown`: they differ, and the part was never carried.
 */
export type Verdict = 'equal' | 'take' | 'keep' | 'conflict' | 'unknown'

/** A part in two environments; undefined where it is absent. `base`: what was last carried, undefined if nothing was. */
export type Sides = {
  readonly source: unknown
  readonly target: unknown
  readonly base: { readonly value: unknown } | undefined
}

export function verdictOf({ source, target, base }: Sides): Verdict {
  if (isEqual(source, target)) return 'equal'
  if (!base) return 'unknown'
  if (isEqual(base.value, target)) return 'take'
  return isEqual(base.value, source) ? 'keep' : 'conflict'
}

/** Whether two JSON values are equal; objects may have their members in any order. Not recursive: see `DOCUMENT_DEPTH_MAX`. */
export function isEqual(one: unknown, other: unknown): boolean {
  const pending: [unknown, unknown][] = [[one, other]]
  for (let pair = pending.pop(); pair; pair = pending.pop()) {
    const [left, right] = pair
    if (left === right) continue
    const inner = pairsOf(left, right)
    if (!inner) return false
    for (const each of inner) pending.push(each)
  }
  return true
}

/** What has to be equal in two lists or two objects; undefined if they cannot be equal. */
function pairsOf(left: unknown, right: unknown): [unknown, unknown][] | undefined {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length ? left.map((item, index) => [item, right[index]]) : undefined
  if (!isRecord(left) || !isRecord(right)) return undefined
  const names = Object.keys(left)
  if (names.length !== Object.keys(right).length || !names.every((name) => Object.hasOwn(right, name))) return undefined
  return names.map((name) => [left[name], right[name]])
}
