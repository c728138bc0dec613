import { type Definition, isRecord, RULE_DEPTH_MAX, RULE_NODES_MAX, type SegmentRules } from '../definition.ts'
import { isEntry, sumOf, toWeight } from '../operators/fractional.ts'
import { boundariesOf } from '../rules/boundaries.ts'
import { isScalar, operatorCallOf, own, referenceOf, truthy } from '../rules/expression.ts'
import { Timeline } from '../timeline.ts'

/** What a definition can answer from a moment on, whatever the context. Times are unix seconds. */
export type PossibleAnswers = {
  /** Names of variants; null: the default in the application's code. Undefined: it is computed, and can be any. */
  readonly variants: ReadonlySet<string | null> | undefined
  /** When time alone changes the rule next; Infinity: never. */
  readonly changesAt: number
  /** The last moment in the rule that has passed; 0 if there is none. */
  readonly changedAt: number
}

/** The answers of a definition at and after `now`, in the segments of its environment. Pure; total for any stored rule. */
export function possibleAnswers(definition: Definition, segments: SegmentRules, now: number): PossibleAnswers {
  if (definition.state !== 'ENABLED')
    return { variants: new Set([null]), changesAt: Number.POSITIVE_INFINITY, changedAt: 0 }
  const { targeting } = definition
  const isRule = isRecord(targeting) && Object.keys(targeting).length > 0
  const finder = new AnswerFinder(definition, segments, now)
  if (isRule) finder.find(targeting, 0)
  else finder.add(null)
  const boundaries = isRule ? boundariesOf(targeting, segments) : undefined
  return {
    variants: finder.variants,
    changesAt: boundaries ? new Timeline(new Map([['', boundaries]])).nextAfter(now) : Number.POSITIVE_INFINITY,
    changedAt: finder.passedAt,
  }
}

class AnswerFinder {
  readonly #definition: Definition
  readonly #segments: SegmentRules
  readonly #now: number
  #variants: Set<string | null> | undefined = new Set()
  #nodes = 0
  /** The last moment of a comparison with the time that has passed. */
  passedAt = 0

  constructor(definition: Definition, segments: SegmentRules, now: number) {
    this.#definition = definition
    this.#segments = segments
    this.#now = now
  }

  get variants(): ReadonlySet<string | null> | undefined {
    return this.#variants
  }

  /** Adds the answer of a constant result: null is the default variant, and no variant is the default in the code. */
  add(result: unknown): void {
    const { variants, defaultVariant } = this.#definition
    const name = result === null || result === undefined ? defaultVariant || null : String(result)
    if (name !== null && !Object.hasOwn(variants, name)) this.#variants = undefined
    else this.#variants?.add(name)
  }

  find(rule: unknown, depth: number): void {
    this.#nodes += 1
    if (!this.#variants) return
    if (depth > RULE_DEPTH_MAX || this.#nodes > RULE_NODES_MAX) this.#variants = undefined
    else if (isScalar(rule)) this.add(rule)
    else this.#findIn(rule, depth)
  }

  #findIn(rule: unknown, depth: number): void {
    const segment = referenceOf(rule)
    const call = operatorCallOf(rule)
    if (segment !== undefined) this.find(own(this.#segments, segment), depth + 1)
    else if (call?.operator === 'if' || call?.operator === '?:') this.#findInChain(call.operands, depth)
    else if (call?.operator === 'fractional') this.#findInShares(call.operands, depth)
    else this.#variants = undefined
  }

  /** Conditions and results in turn, and a last result. Results behind a condition that is always true are never reached. */
  #findInChain(operands: readonly unknown[], depth: number): void {
    for (let index = 0; index < operands.length; index += 2) {
      if (index === operands.length - 1) {
        this.find(operands[index], depth + 1)
        return
      }
      const holds = this.#holds(operands[index], 0)
      if (holds !== false) this.find(operands[index + 1], depth + 1)
      if (holds === true) return
    }
    this.add(null)
  }

  /** Without a text to hash, as without a targeting key, there is no share but the default variant. */
  #findInShares(operands: readonly unknown[], depth: number): void {
    const hasValue = operands.length > 0 && !Array.isArray(operands[0])
    const entries = hasValue ? operands.slice(1) : operands
    if (!entries.every((entry) => isEntry(entry) && isScalar(entry[1]))) {
      this.#variants = undefined
      return
    }
    const shares = entries.filter(isEntry).map(([result, weight]) => ({ result, weight: toWeight(weight) }))
    const isValid = sumOf(shares.map(({ weight }) => weight)) !== undefined
    const isText = hasValue && operatorCallOf(operands[0])?.operator === 'cat'
    if (!isText || !isValid) this.add(null)
    if (isValid) for (const { result, weight } of shares) if (weight > 0) this.find(result, depth + 1)
  }

  /** Whether a condition holds from now on for every context; undefined if that depends on the context or on a later time. */
  #holds(condition: unknown, depth: number): boolean | undefined {
    this.#nodes += 1
    if (depth > RULE_DEPTH_MAX || this.#nodes > RULE_NODES_MAX) return undefined
    if (isScalar(condition)) return truthy(condition)
    const call = operatorCallOf(condition)
    if (!call) return undefined
    const { operator, operands } = call
    if (operator === '!' || operator === '!!') {
      const inner = this.#holds(operands[0], depth + 1)
      return inner === undefined ? undefined : inner === (operator === '!!')
    }
    if (operator === 'and' || operator === 'or') return this.#holdTogether(operands, operator === 'or', depth)
    return operands.length === 2 ? this.#comparedWithTime(operator, operands) : undefined
  }

  #holdTogether(conditions: readonly unknown[], decisive: boolean, depth: number): boolean | undefined {
    if (conditions.length === 0) return undefined
    const values = conditions.map((condition) => this.#holds(condition, depth + 1))
    if (values.includes(decisive)) return decisive
    return values.includes(undefined) ? undefined : !decisive
  }

  /** Only comparisons that cannot change any more have a value. */
  #comparedWithTime(operator: string, [left, right]: readonly unknown[]): boolean | undefined {
    const isFirst = isTime(left)
    const moment = isFirst ? right : left
    if (typeof moment !== 'number' || !(isFirst || isTime(right))) return undefined
    const isBefore = operator === '<' || operator === '<='
    if (!isBefore && operator !== '>' && operator !== '>=') return undefined
    if (this.#now <= moment) return undefined
    this.passedAt = Math.max(this.passedAt, moment)
    return isBefore !== isFirst
  }
}

const isTime = (rule: unknown): boolean => {
  const call = operatorCallOf(rule)
  return call?.operator === 'var' && call.operands.length === 1 && call.operands[0] === '$flagd.timestamp'
}
