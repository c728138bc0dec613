import { RULE_DEPTH_MAX } from './limits.ts'
import { referenceOf } from './rule.ts'

type Rules = Readonly<Record<string, unknown>>

/** In UTF-16 units and values: what no message to a provider could carry. */
const SIZE_MAX = 4_000_000
/** In objects and lists, of which each operator has one of both. */
const DEPTH_MAX = 2 * RULE_DEPTH_MAX
const TOO_LARGE = new Error('A rule is too large')

/**
 * The rule with each `{"$ref": name}` replaced by the segment. One that is unknown stays, and fails in flagd as it does here; so do those
 * of which `isKept` is true. Undefined for a rule that grows too deep or too large, as one that leads back to itself does.
 */
export function expandRule(rule: unknown, segments: Rules, isKept: (name: string) => boolean = () => false): unknown {
  try {
    return new Expander(segments, isKept).expand(rule, 0)
  } catch (error) {
    if (error === TOO_LARGE) return undefined
    throw error
  }
}

class Expander {
  readonly #segments: Rules
  readonly #isKept: (name: string) => boolean
  #size = 0

  constructor(segments: Rules, isKept: (name: string) => boolean) {
    this.#segments = segments
    this.#isKept = isKept
  }

  expand(value: unknown, depth: number): unknown {
    this.#size += typeof value === 'string' ? value.length + 1 : 1
    if (this.#size > SIZE_MAX || depth > DEPTH_MAX) throw TOO_LARGE
    if (typeof value !== 'object' || value === null) return value
    const name = referenceOf(value)
    if (name !== undefined) {
      const isReplaced = Object.hasOwn(this.#segments, name) && !this.#isKept(name)
      return isReplaced ? this.expand(this.#segments[name], depth + 1) : value
    }
    if (Array.isArray(value)) return value.map((item) => this.expand(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.expand(item, depth + 1)]))
  }
}
