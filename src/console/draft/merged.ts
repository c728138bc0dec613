import { isRecord } from '../../flag/definition.ts'
import type { JsonPath } from '../rules/text.ts'

/** A part that both sides have changed in different ways. Undefined: the part is not there. */
export type Conflict = {
  /** Where the part is, or would be, in the base. */
  readonly path: JsonPath
  /** `rule`: the values are pairs of condition and result. */
  readonly kind: 'value' | 'rule'
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
}

/** How a conflict is resolved; `value` undefined removes the part. */
export type MergeChoice = 'mine' | 'theirs' | { readonly value: unknown }

/** What was merged; `resolve` needs a choice for each conflict. */
export type Merge = {
  readonly conflicts: readonly Conflict[]
  readonly resolve: (choices: readonly MergeChoice[]) => unknown
}

/** The three forms of one part; undefined: it is not there. */
export type Forms = {
  readonly base: unknown
  readonly mine: unknown
  readonly theirs: unknown
  readonly path: JsonPath
}

/** Stands for a part until it is resolved. */
export class Clash {
  readonly conflict: Conflict

  constructor({ path, base, mine, theirs }: Forms, kind: Conflict['kind'] = 'value') {
    this.conflict = { path, kind, base, mine, theirs }
  }
}

/** An `if` with merged pairs. */
type ChainParts = {
  readonly operator: string
  readonly pairs: readonly unknown[]
  readonly otherwise: unknown
  /** Whether one of the forms is no `if`: without pairs, its else stands for it. */
  readonly isBare: boolean
  /** Whether it is the whole targeting, which is no rule if it is a scalar. */
  readonly isTargeting: boolean
}

export class MergedChain {
  readonly parts: ChainParts

  constructor(parts: ChainParts) {
    this.parts = parts
  }
}

/** Collects the conflicts of a tree of values, clashes and chains. */
export function toMerge(tree: unknown): Merge {
  const clashes: Clash[] = []
  finish(tree, (clash) => clashes.push(clash))
  return {
    conflicts: clashes.map(({ conflict }) => conflict),
    resolve: (choices) =>
      finish(tree, (clash) => {
        const choice = choices[clashes.indexOf(clash)]
        if (choice === undefined) throw new RangeError(`Cannot merge: no choice for /${clash.conflict.path.join('/')}`)
        return typeof choice === 'string' ? clash.conflict[choice] : choice.value
      }),
  }
}

/** Builds the value, with `choose` for each clash. */
function finish(tree: unknown, choose: (clash: Clash) => unknown): unknown {
  if (tree instanceof Clash) return choose(tree)
  if (tree instanceof MergedChain) return finishChain(tree, choose)
  if (Array.isArray(tree)) return tree.map((item) => finish(item, choose)).filter((item) => item !== undefined)
  if (!isRecord(tree)) return tree
  const members = Object.entries(tree).map(([name, value]) => [name, finish(value, choose)] as const)
  return Object.fromEntries(members.filter(([, value]) => value !== undefined))
}

function finishChain({ parts }: MergedChain, choose: (clash: Clash) => unknown): unknown {
  const { operator, pairs, otherwise, isBare, isTargeting } = parts
  const operands = pairs.flatMap((pair) => finish(pair, choose) ?? [])
  const last = finish(otherwise, choose)
  const all = last === undefined ? operands : [...operands, last]
  if (all.length === 0) return undefined
  return isBare && operands.length === 0 && (isRecord(last) || !isTargeting) ? last : { [operator]: all }
}
