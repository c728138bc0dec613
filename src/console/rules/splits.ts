import type { Node } from 'jsonc-parser'
import { nodeIn } from './edits.ts'
import { type Insertion, insertItems, operandList, removeItems, replaceNode } from './splice.ts'
import type { JsonPath, TextEdit } from './text.ts'
import type { SplitBy } from './view.ts'

/** Sets the weights of a `fractional`, in the order of its shares. Weights that stay are not touched. */
export function setWeights(text: string, path: JsonPath, weights: readonly number[]): TextEdit[] {
  const { shares } = splitAt(text, path)
  return shares.flatMap((share, index) => {
    const written = share.children?.[1]
    const weight = weights[index]
    if (weight === undefined || weight === (written ? written.value : 1)) return []
    return [written ? replaceNode(text, written, { value: weight }) : insertItems(text, share, 1, [{ value: weight }])]
  })
}

/** Adds a share as the last one. */
export function addShare(text: string, path: JsonPath, variant: string | null, weight: number): TextEdit[] {
  const { list, first, shares } = splitAt(text, path)
  return [insertItems(text, list, first + shares.length, [{ value: [variant, weight] }])]
}

/** Removes a share; a `fractional` keeps at least one. */
export function removeShare(text: string, path: JsonPath, index: number): TextEdit[] {
  const { list, first, shares } = splitAt(text, path)
  if (shares.length < 2) throw new RangeError(`Cannot remove the only share of /${path.join('/')}`)
  return [removeItems(list, first + index)]
}

/** Sets what is hashed. */
export function setBy(text: string, path: JsonPath, { attribute, isSalted }: SplitBy): TextEdit[] {
  const { list, first } = splitAt(text, path)
  if (attribute === undefined) return first === 1 ? [removeItems(list, 0)] : []
  const plain = { var: attribute }
  const insertion: Insertion = { value: isSalted ? { cat: [{ var: '$flagd.flagKey' }, plain] } : plain }
  const [before] = list.children ?? []
  return [first === 1 && before ? replaceNode(text, before, insertion) : insertItems(text, list, 0, [insertion])]
}

type SplitPlace = {
  readonly list: Node
  /** The place of the first share in the list. */
  readonly first: number
  readonly shares: readonly Node[]
}

function splitAt(text: string, path: JsonPath): SplitPlace {
  const call = operandList(nodeIn(text, path))
  if (call?.operator !== 'fractional') throw new RangeError(`Cannot edit /${path.join('/')}: it is no split`)
  const first = call.operands[0]?.type === 'array' ? 0 : 1
  return { list: call.list, first, shares: call.operands.slice(first) }
}
