import { checkDefinition, checkShape } from '../../../../flag/check/definition.ts'
import type { SegmentRules } from '../../../../flag/definition.ts'
import { nodeAtPointer, parseText } from '../../../rules/text.ts'

/** A mistake in the text of a definition, with its range in UTF-16 units. */
export type TextMistake = {
  readonly from: number
  readonly to: number
  /** JSON pointer of the place; undefined where the text is no JSON. */
  readonly pointer: string | undefined
  readonly message: string
}

/** Checks the text of a definition as the service does: its JSON, its shape, its rules and the segments it refers to. */
export function mistakesIn(text: string, segments: SegmentRules): TextMistake[] {
  const { root, mistakes: syntax } = parseText(text)
  if (!root)
    return syntax.map(({ offset: from, length, message }) => {
      return { from, to: from + Math.max(length, 1), pointer: undefined, message }
    })
  const value: unknown = JSON.parse(text)
  const shape = checkShape(value, { text }).mistakes
  const mistakes = shape.length > 0 ? shape : checkDefinition(value, segments)
  return mistakes.map(({ pointer, message }) => {
    const { offset: from, length } = nodeAtPointer(root, pointer)
    return { from, to: from + length, pointer, message }
  })
}
