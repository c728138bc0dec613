import { type Bucketing, RULE_DEPTH_MAX, RULE_NODES_MAX, type SegmentRules } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { isEntry } from '../operators/fractional.ts'
import { stepsOf } from '../operators/variable.ts'
import { isScalar, LOOPS, type OperatorCall, operatorCallOf, referenceOf } from '../rules/expression.ts'
import { OPERATORS } from '../rules/rule.ts'

/** The flag whose rule is copied, and what its rule depends on. */
export type CopiedFlag = { readonly key: string; readonly segments: SegmentRules; readonly bucketing: Bucketing }

/** Where a part of the rule stands. `pointer` begins in the flag, or in a segment. */
export type RulePlace = { readonly pointer: string; readonly depth: number; readonly inLoop: boolean }
export type CopyRule = (rule: unknown, place: RulePlace) => unknown

/** Mistakes that are collected; the rule is refused with the first. */
const MISTAKES_MAX = 20
const TARGETING_KEY = { var: 'targetingKey' }
/** Users that `fractional` without a bucketing value distributes: those whose targeting key is a text, and not an empty one. */
const HAS_TARGETING_KEY = { and: [TARGETING_KEY, { '===': [TARGETING_KEY, { cat: [TARGETING_KEY] }] }] }

/**
 * Copies rules of one flag so that they have the same values in the rule of another one: segments are expanded, the flag key is written out,
 * and so is the bucketing value of `fractional` where that depends on the flag key. What cannot be written is a mistake.
 */
export class RuleCopy {
  readonly mistakes: Mistake[] = []
  readonly flag: CopiedFlag
  #nodes = 0
  #isTooLarge = false

  constructor(flag: CopiedFlag) {
    this.flag = flag
  }

  /** Adds a mistake and returns null, the copy of what cannot be copied. */
  refuse({ pointer }: RulePlace, message: string): null {
    if (this.mistakes.length < MISTAKES_MAX) this.mistakes.push({ pointer, message })
    return null
  }

  readonly copy: CopyRule = (rule, place) => {
    if (!this.grow(place)) return null
    if (isScalar(rule)) return rule
    if (Array.isArray(rule))
      return rule.every(isScalar) ? rule : rule.map((item, at) => this.copy(item, inside(place, at)))
    const name = referenceOf(rule)
    if (name !== undefined) return this.expand(name, place, this.copy)
    const call = operatorCallOf(rule)
    if (call === undefined) return this.refuse(place, 'Rule must have exactly one operator')
    if (call.operator === 'fractional') return this.copySplit(call, place, this.copy)
    return call.operator === 'var' ? this.#copyVariable(call, place) : this.#copyCall(call, place)
  }

  /** Copies the segment `name` with `copy`, in the place of a reference to it. */
  expand(name: string, place: RulePlace, copy: CopyRule): unknown {
    const { segments } = this.flag
    if (!Object.hasOwn(segments, name)) return this.refuse(place, `Segment ${shorten(name)} does not exist`)
    return copy(segments[name], { ...place, pointer: pointerTo('$evaluators', name), depth: place.depth + 1 })
  }

  /** Copies `fractional`, and its variants with `copyVariant`. */
  copySplit(call: OperatorCall, place: RulePlace, copyVariant: CopyRule): unknown {
    if (place.inLoop) return this.refuse(place, '"fractional" in a loop cannot be evaluated for another flag')
    const { operands } = call
    const first = Array.isArray(operands[0]) ? 0 : 1
    if (operands.length === first || !operands.slice(first).every(isEntry))
      return this.refuse(place, 'Shares must be written as [variant, weight]')
    const shares = operands.slice(first).map((share, at) => {
      const [variant, weight, ...others] = share as readonly unknown[]
      const shareAt = operandPlace(place, call, at + first)
      const copied = copyVariant(variant, inside(shareAt, 0))
      return weight === undefined ? [copied, ...others] : [copied, this.copy(weight, inside(shareAt, 1)), ...others]
    })
    return first === 0
      ? this.#splitByFlag(shares, place)
      : this.#splitBy(operands[0], shares, operandPlace(place, call, 0))
  }

  /** Counts a part; false, after one mistake, if there are too many or they nest too deep. */
  grow(place: RulePlace): boolean {
    if (this.#isTooLarge) return false
    this.#nodes += 1
    this.#isTooLarge = this.#nodes > RULE_NODES_MAX || place.depth > RULE_DEPTH_MAX
    if (this.#nodes > RULE_NODES_MAX)
      this.refuse(place, `Rule has more than ${RULE_NODES_MAX} parts, with its segments`)
    else if (this.#isTooLarge) this.refuse(place, `Rule nests deeper than ${RULE_DEPTH_MAX}, with its segments`)
    return !this.#isTooLarge
  }

  #copyCall(call: OperatorCall, place: RulePlace): unknown {
    const { operator, operands, written } = call
    if (!OPERATORS.has(operator)) return this.refuse(place, `Unknown operator ${shorten(operator)}`)
    const copyOperand = (operand: unknown, at: number) => {
      const inner = operandPlace(place, call, at)
      return this.copy(operand, LOOPS.has(operator) && at === 1 ? { ...inner, inLoop: true } : inner)
    }
    if (Array.isArray(written)) return { [operator]: operands.map(copyOperand) }
    return { [operator]: copyOperand(written, 0) }
  }

  /** In a loop `$flagd` is a member of the item like any other. */
  #copyVariable(call: OperatorCall, place: RulePlace): unknown {
    const [path] = call.operands
    if (!isScalar(path)) return this.refuse(place, 'A path that is computed may read the flag key')
    const steps = stepsOf(String(path ?? ''))
    if (place.inLoop) return this.#copyCall(call, place)
    if (steps.length === 0) return this.refuse(place, 'The whole context has the flag key')
    if (steps[0] !== '$flagd' || (steps.length > 1 && steps[1] !== 'flagKey')) return this.#copyCall(call, place)
    if (steps.length !== 2) return this.refuse(place, `Path ${shorten(path)} reads an object that has the flag key`)
    return this.flag.key
  }

  /** Without a bucketing value, and with null under v1 and v2, the flag key and the targeting key are it. */
  #splitByFlag(shares: readonly unknown[], place: RulePlace): unknown {
    const { bucketing, key } = this.flag
    if (bucketing === 'v3')
      return this.refuse(
        place,
        'Under bucketing v3 no rule can write the bucketing value that this split has without one',
      )
    return { if: [HAS_TARGETING_KEY, { fractional: [{ cat: [key, TARGETING_KEY] }, ...shares] }, null] }
  }

  #splitBy(value: unknown, shares: readonly unknown[], place: RulePlace): unknown {
    const split = { fractional: [this.copy(value, place), ...shares] }
    const call = operatorCallOf(value)
    if (call?.operator === 'cat' || this.flag.bucketing === 'v3') return split
    const [path, ...others] = call?.operator === 'var' ? call.operands : []
    if (typeof path !== 'string' || others.length > 0)
      return this.refuse(place, 'A bucketing value that may be null depends on the flag key: write it with "cat"')
    if (stepsOf(path)[0] === '$flagd') return split
    return { if: [{ '!': [{ missing: [path] }] }, split, this.#splitByFlag(shares, place)] }
  }
}

export function inside(place: RulePlace, step: string | number): RulePlace {
  return { ...place, pointer: place.pointer + pointerTo(String(step)), depth: place.depth + 1 }
}

/** The place of an operand; a single one may be written without brackets. */
export function operandPlace(place: RulePlace, { operator, written }: OperatorCall, at: number): RulePlace {
  const steps = Array.isArray(written) ? [operator, String(at)] : [operator]
  return { ...place, pointer: place.pointer + pointerTo(...steps), depth: place.depth + 1 }
}
