import {
  checkText,
  compileOperands,
  type EvaluationFrame,
  isScalar,
  type Operator,
  spend,
  spendText,
  toNumber,
  toText,
} from '../rules/expression.ts'

/** `cat`: the texts of all operands, joined; null is empty. */
export const cat: Operator = (operands, compiler, written) => {
  if (operands.length === 2) {
    const left = compiler.compile(operands[0])
    const right = compiler.compile(operands[1])
    return (data, frame) => checkText(toText(left(data, frame), frame) + toText(right(data, frame), frame), frame)
  }
  const values = compileOperands(operands, compiler, written)
  return (data, frame) => {
    let text = ''
    for (const value of values(data, frame)) text = checkText(text + toText(value, frame), frame)
    return text
  }
}

/**
 * `substr`: `[text, start, length]`. A negative start counts from the end, a negative length drops characters at the end.
 * Null is the text "null", as in JSONLogic's reference (json-logic-js).
 */
export const substr: Operator = (operands, compiler) => {
  const source = compiler.compile(operands[0] ?? null)
  const start = compiler.compile(operands[1] ?? null)
  const length = operands.length > 2 ? compiler.compile(operands[2]) : undefined
  return (data, frame) => {
    const text = checkText(toText(source(data, frame) ?? 'null', frame), frame)
    // Counted in code points, as in flagd; these are the same as UTF-16 units in a text without surrogates.
    const characters = /[\uD800-\uDFFF]/.test(text) ? splitText(text, frame) : text
    const wanted = length?.(data, frame) ?? undefined
    const [from, to] = bounds(
      characters.length,
      toNumber(start(data, frame), frame),
      wanted === undefined ? undefined : toNumber(wanted, frame),
    )
    const part = characters.slice(from, to)
    return typeof part === 'string' ? part : part.join('')
  }
}

function splitText(text: string, frame: EvaluationFrame): string[] {
  spend(frame, text.length >> 2)
  return [...text]
}

function bounds(size: number, start: number, length: number | undefined): [number, number] {
  const from = Math.trunc(start < 0 ? Math.max(0, size + start) : start)
  if (length === undefined) return [from, size]
  return [from, Math.max(from, Math.trunc(length < 0 ? size + length : from + length))]
}

/** Null unless both operands are texts. */
function affix(matches: (text: string, part: string) => boolean): Operator {
  return (operands, compiler) => {
    if (operands.length !== 2) return () => null
    const [first, second] = operands
    const text = compiler.compile(first)
    const part = compiler.compile(second)
    if (isScalar(second) && typeof second !== 'string') return () => null
    return (data, frame) => {
      const left = text(data, frame)
      const right = part(data, frame)
      if (typeof left !== 'string' || typeof right !== 'string') return null
      spendText(right, frame)
      return matches(left, right)
    }
  }
}

export const startsWith: Operator = affix((text, part) => text.startsWith(part))
export const endsWith: Operator = affix((text, part) => text.endsWith(part))
