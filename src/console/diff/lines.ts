import { diffArrays } from 'diff'

/** Consecutive lines of a comparison. `hidden` lines are the same in both texts, and are not near a difference. */
export type LineBlock = {
  readonly kind: 'same' | 'added' | 'removed' | 'hidden'
  readonly lines: readonly string[]
  /** The number of the first line, from 1, in each text; undefined where the text does not have it. */
  readonly before: number | undefined
  readonly after: number | undefined
}

const COMPARE_MS = 200

/**
 * Compares two JSON texts line by line; a comma at the end of a line does not count. At most `context` equal lines are shown on
 * each side of a difference.
 */
export function compareLines(before: string, after: string, context = 3): LineBlock[] {
  const [old, next] = [linesOf(before), linesOf(after)]
  const options = { comparator: isSameLine, timeout: COMPARE_MS }
  const pieces = diffArrays(old, next, options) ?? wholly(old, next)
  const last = pieces.length - 1
  let [left, right] = [1, 1]
  return pieces.flatMap(({ value: lines, added, removed }, index) => {
    const place = { lines, before: left, after: right }
    left += added ? 0 : lines.length
    right += removed ? 0 : lines.length
    if (added) return [{ ...place, kind: 'added', before: undefined }]
    if (removed) return [{ ...place, kind: 'removed', after: undefined }]
    return fold({ ...place, kind: 'same' }, index === 0 ? 0 : context, index === last ? 0 : context)
  })
}

/** Instead of a comparison that takes too long: thousands of lines, most of them different. */
const wholly = (before: string[], after: string[]) => [
  { value: before, added: false, removed: true },
  { value: after, added: true, removed: false },
]

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

const isSameLine = (one: string, other: string): boolean => one.replace(/,$/, '') === other.replace(/,$/, '')

/** Hides the middle of equal lines. */
function fold(block: LineBlock, head: number, tail: number): LineBlock[] {
  const { lines } = block
  if (lines.length <= head + tail + 1) return [block]
  const part = (kind: LineBlock['kind'], from: number, to: number): LineBlock => ({
    kind,
    lines: lines.slice(from, to),
    before: block.before === undefined ? undefined : block.before + from,
    after: block.after === undefined ? undefined : block.after + from,
  })
  const end = lines.length - tail
  return [part('same', 0, head), part('hidden', head, end), part('same', end, lines.length)].filter(
    (each) => each.lines.length > 0,
  )
}
