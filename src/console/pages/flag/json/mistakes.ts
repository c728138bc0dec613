import { checkDefinition, checkShape } from '../../../../flag/check/definition.ts'
import { checkJson } from '../../../../flag/check/json.ts'
import { checkRule } from '../../../../flag/check/rule.ts'
import type { SegmentRules } from '../../../../flag/definition.ts'
import type { Mistake } from '../../../../flag/error.ts'
import { compileSegments, reachedFrom } from '../../../../flag/rules/segments.ts'
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
export const mistakesIn = (text: string, segments: SegmentRules): TextMistake[] =>
  locate(text, (value) => {
    const shape = checkShape(value, { text }).mistakes
    return shape.length > 0 ? shape : checkDefinition(value, segments)
  })

/** Depth of a rule in the document that the service reads. */
const SEGMENT_DEPTH = 1

/** Checks the text of the segment `name` as the service does. `segments` are all of its environment. */
export const segmentMistakesIn = (text: string, name: string, segments: SegmentRules): TextMistake[] =>
  locate(text, (rule) => {
    const shape = checkJson(rule, { depth: SEGMENT_DEPTH, text })
    if (shape.length > 0) return shape
    const { compiled } = compileSegments(reachedFrom(rule, { ...segments, [name]: rule }), 'v2')
    return checkRule(rule, compiled, '')
  })

function locate(text: string, check: (value: unknown) => readonly Mistake[]): TextMistake[] {
  const { root, mistakes: syntax } = parseText(text)
  if (!root)
    return syntax.map(({ offset: from, length, message }) => {
      return { from, to: from + Math.max(length, 1), pointer: undefined, message }
    })
  return check(JSON.parse(text)).map(({ pointer, message }) => {
    const { offset: from, length } = nodeAtPointer(root, pointer)
    return { from, to: from + length, pointer, message }
  })
}
