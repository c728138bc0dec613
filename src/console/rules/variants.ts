import { nodeIn, replace, rootOf, setMemberAt } from './edits.ts'
import { definitionOf } from './read.ts'
import { replaceNode } from './splice.ts'
import { type JsonPath, nodeAt, type TextEdit } from './text.ts'
import type { OutcomeView } from './view.ts'

const VARIANTS: JsonPath = ['variants']

/** Adds a variant, or sets the value of one. */
export function setVariant(text: string, name: string, value: unknown): TextEdit[] {
  return setMemberAt(text, VARIANTS, name, value)
}

/** Removes a variant. Rules and the default variant that name it stay as they are. */
export function removeVariant(text: string, name: string): TextEdit[] {
  return setMemberAt(text, VARIANTS, name, undefined)
}

/** Renames a variant, also as default variant and in the results and splits of rules. Advanced parts stay as they are. */
export function renameVariant(text: string, from: string, to: string): TextEdit[] {
  const root = rootOf(text)
  const { rules, otherwise } = definitionOf(root)
  const outcomes = [...rules.map(({ result }) => result), ...(otherwise ? [otherwise] : [])]
  const names = nodeIn(text, VARIANTS).children?.map(({ children: [name] = [] }) => name) ?? []
  const places = [
    names.find((name) => name?.value === from),
    ...[['defaultVariant'], ...outcomes.flatMap((outcome) => namesIn(outcome, from))]
      .map((path) => nodeAt(root, path))
      .filter((node) => node?.value === from),
  ]
  return places.flatMap((place) => (place ? [replaceNode(text, place, { value: to })] : []))
}

function namesIn(outcome: OutcomeView, variant: string): JsonPath[] {
  if (outcome.kind === 'result') return outcome.variant === variant ? [outcome.path] : []
  return outcome.kind === 'split' ? outcome.shares.map(({ path }) => [...path, 0]) : []
}

/** Sets the default variant; null: the default in the code. */
export function setDefaultVariant(text: string, variant: string | null): TextEdit[] {
  return setMemberAt(text, [], 'defaultVariant', variant ?? undefined)
}

/** Enables or disables a flag; a disabled one serves the default in the code. */
export function setState(text: string, state: 'ENABLED' | 'DISABLED'): TextEdit[] {
  return setMemberAt(text, [], 'state', state)
}

/** Replaces the whole rule of a definition; undefined removes it. */
export function setTargeting(text: string, targeting: unknown): TextEdit[] {
  return nodeAt(rootOf(text), ['targeting']) && targeting !== undefined
    ? replace(text, ['targeting'], targeting)
    : setMemberAt(text, [], 'targeting', targeting)
}
