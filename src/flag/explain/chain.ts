import { isRecord } from '../definition.ts'
import { pointerTo } from '../error.ts'
import { operatorCallOf, truthy } from '../rules/expression.ts'
import { type ExplainedNode, NOT_REACHED, type NodeReader } from './nodes.ts'
import type { Bucket } from './split.ts'
import type { ExplainableFlag } from './trace.ts'

const TARGETING = pointerTo('targeting')

/** What a rule gives: a variant, or the shares of a split. */
export type ExplainedResult =
  | ExplainedNode
  | { readonly pointer: string; readonly kind: 'split'; readonly value: unknown; readonly bucket: Bucket | undefined }

/** One pair of condition and result of the targeting. */
export type ExplainedRule = {
  /** From 0. */
  readonly rule: number
  /** JSON pointer of the condition in the definition. */
  readonly pointer: string
  readonly outcome: 'match' | 'no_match' | 'not_reached' | 'error'
  readonly condition: ExplainedNode
  readonly result: ExplainedResult
}

export type Chain = { readonly rules: readonly ExplainedRule[]; readonly otherwise: ExplainedResult | undefined }

/** Reads the targeting as a list of rules: pairs of `if`, also of an `if` in its else. */
export class ChainReader {
  readonly #flag: ExplainableFlag
  readonly #reader: NodeReader
  readonly #bucketOf: (node: unknown) => Bucket | undefined

  constructor(flag: ExplainableFlag, reader: NodeReader, bucketOf: (node: unknown) => Bucket | undefined) {
    this.#flag = flag
    this.#reader = reader
    this.#bucketOf = bucketOf
  }

  read(): Chain {
    const { definition } = this.#flag
    const targeting = isRecord(definition) ? definition.targeting : undefined
    const isEnabled = isRecord(definition) && definition.state === 'ENABLED'
    if (targeting === undefined || (isRecord(targeting) && Object.keys(targeting).length === 0))
      return { rules: [], otherwise: undefined }
    const rules: ExplainedRule[] = []
    let node: unknown = targeting
    let pointer = TARGETING
    let isReached = isEnabled
    for (let pairs = pairsOf(node); pairs; pairs = pairsOf(node)) {
      for (const [index, [condition, result]] of pairs.rules.entries()) {
        const rule = this.#rule(rules.length, { condition, result, pointer: pointer + pairs.pointer, index, isReached })
        rules.push(rule)
        isReached = rule.outcome === 'no_match'
      }
      pointer += `${pairs.pointer}/${2 * pairs.rules.length}`
      node = pairs.otherwise
      if (node === undefined) return { rules, otherwise: undefined }
    }
    return { rules, otherwise: this.#result(node, pointer, isReached) }
  }

  #rule(
    rule: number,
    {
      condition,
      result,
      pointer,
      index,
      isReached,
    }: {
      condition: unknown
      result: unknown
      pointer: string
      index: number
      isReached: boolean
    },
  ): ExplainedRule {
    const at = `${pointer}/${2 * index}`
    const read = this.#reader.read(condition, at, isReached)
    const value = this.#reader.valueOf(condition, isReached)
    const outcome = !isReached ? 'not_reached' : value === NOT_REACHED ? 'error' : truthy(value) ? 'match' : 'no_match'
    return {
      rule,
      pointer: at,
      outcome,
      condition: read,
      result: this.#result(result, `${pointer}/${2 * index + 1}`, outcome === 'match'),
    }
  }

  #result(node: unknown, pointer: string, isReached: boolean): ExplainedResult {
    if (operatorCallOf(node)?.operator !== 'fractional') return this.#reader.read(node, pointer, isReached)
    const value = this.#reader.valueOf(node, isReached)
    return { pointer, kind: 'split', value, bucket: isReached ? this.#bucketOf(node) : undefined }
  }
}

type Pairs = {
  readonly rules: readonly (readonly [unknown, unknown])[]
  readonly otherwise: unknown
  readonly pointer: string
}

function pairsOf(node: unknown): Pairs | undefined {
  const call = operatorCallOf(node)
  if (call === undefined || !(call.operator === 'if' || call.operator === '?:')) return undefined
  const { operands, operator } = call
  if (!Array.isArray(call.written) || operands.length < 2) return undefined
  const count = Math.floor(operands.length / 2)
  const rules = Array.from({ length: count }, (_, index) => [operands[2 * index], operands[2 * index + 1]] as const)
  return { rules, otherwise: operands[2 * count], pointer: pointerTo(operator) }
}
