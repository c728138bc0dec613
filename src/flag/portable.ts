import type { Mistake } from './error.ts'
import { pointerTo } from './pointer.ts'
import { shorten } from './words.ts'

type Rules = Readonly<Record<string, unknown>>

/** What JSON of Go writes as an escape, besides what that of JavaScript does. */
const ESCAPED_IN_GO = /[<>&\u2028\u2029]/
/** flagd takes a shorter rule for an empty one, and refuses the whole document. */
const RULE_LENGTH_MIN = 3

/** Whether flagd finds the references to a segment: it searches its own JSON for the name as it is. */
export function isPortableName(name: string): boolean {
  return JSON.stringify(name) === `"${name}"` && !ESCAPED_IN_GO.test(name)
}

/** Whether flagd takes the JSON text of a rule for the rule of a segment. */
export const isPortableText = (text: string): boolean => text.length >= RULE_LENGTH_MIN

/** Finds segments that are new in `after`, or changed, and that flagd could not load. Those that are stored already stay. */
export function checkPortable(before: Rules, after: Rules, isChanged: (name: string) => boolean): Mistake[] {
  return Object.entries(after).flatMap(([name, rule]) => {
    const pointer = `/$evaluators${pointerTo(name)}`
    const mistakes: Mistake[] = []
    if (!isPortableName(name) && !Object.hasOwn(before, name)) {
      const message = `Segment name ${shorten(name)} has a character that flagd cannot match: ", \\, <, >, & or a control character`
      mistakes.push({ pointer, message })
    }
    const text = JSON.stringify(rule)
    if (isChanged(name) && !isPortableText(text))
      mistakes.push({ pointer, message: `Rule ${text} is too short: flagd refuses segments of less than 3 characters` })
    return mistakes
  })
}
