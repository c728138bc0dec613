const KEYWORDS = new Set(['and', 'or', 'unless'])
const GROUPING = /\b(by|on|group_left)\s*\(([^)]*)\)/g

/** A metric that an expression of PromQL names, and the labels that it is selected by. */
export type Selected = { readonly metric: string; readonly labels: readonly string[] }
/** Labels that are aggregated by or matched, and the metrics that must have all of them. */
export type Grouping = { readonly labels: readonly string[]; readonly metrics: readonly string[] }

/** The metrics of an expression. Supports our style only: each `{…}` directly after the name, no braces inside values. */
export function selectedIn(expression: string): Selected[] {
  const plain = bare(expression).replace(GROUPING, '')
  return [...plain.matchAll(/([a-zA-Z_][\w:]*)(?:\{([^}]*)\})?(?!\w|\s*\()/g)]
    .map(([, metric = '', matchers = '']) => ({ metric, labels: [...matchers.matchAll(/\w+/g)].map(String) }))
    .filter(({ metric }) => !KEYWORDS.has(metric))
}

/** `by (…)` applies to the aggregated metrics, `on (…)` to both sides. The labels of `group_left (…)` may belong to either. */
export function groupingsIn(expression: string): Grouping[] {
  const text = bare(expression)
  return [...text.matchAll(GROUPING)].flatMap(({ 0: all, 1: word, 2: list = '', index }) => {
    const labels = [...list.matchAll(/\w+/g)].map(String)
    if (word === 'group_left') return []
    const about = word === 'by' ? operandAt(text, index + all.length) : text
    return [{ labels, metrics: selectedIn(about).map(({ metric }) => metric) }]
  })
}

/** The expression without values, ranges, offsets and numbers, which contain no metric names. */
function bare(expression: string): string {
  return expression
    .replace(/"[^"]*"/g, '')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\boffset \w+/g, '')
    .replace(/\b\d[\w.]*/g, '')
}

/** The text in the parentheses that begin at `start`, after optional spaces. */
function operandAt(text: string, start: number): string {
  let depth = 0
  for (let place = start; place < text.length; place += 1) {
    if (text[place] === '(') depth += 1
    if (text[place] === ')') depth -= 1
    if (depth === 0 && text[place] === ')') return text.slice(start, place + 1)
  }
  throw new Error(`Cannot find the end of what is aggregated in "${text}"`)
}
