import { readSegment } from '../../rules/read.ts'
import { sayCondition } from '../../rules/say.ts'

/** The rule of a segment in one sentence; what is wrong with its text if it is no JSON. */
export function sayRuleText(text: string): string {
  const { view, mistakes } = readSegment(text)
  const [mistake] = mistakes
  if (mistake) return mistake.message
  return view ? sayCondition(view) : ''
}
