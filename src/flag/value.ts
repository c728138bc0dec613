import { type Frame, RuleFault, spend } from './expression.ts'
import { PRODUCT_LENGTH_MAX, VALUE_DEPTH_MAX } from './limits.ts'

/** Whether `value` is a JSON object: not null, not an array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSONLogic's truth: false, 0, NaN, "", null, [] and {} are false, everything else ("0" too) is true. */
export function truthy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return Boolean(value)
  if (Array.isArray(value)) return value.length > 0
  for (const key in value) if (Object.hasOwn(value, key)) return true
  return false
}

/** Charges for work that grows with a text's length; short ones are free. */
export function weigh(text: string, frame: Frame): void {
  if (text.length > 256) spend(frame, text.length >> 6)
}

/** The number to compare `value` by, as JavaScript converts it; NaN when it has none. Lists and objects have none. */
export function toComparable(value: unknown, frame: Frame): number {
  if (typeof value === 'number') return value
  if (typeof value === 'string') {
    weigh(value, frame)
    return Number(value)
  }
  if (typeof value === 'boolean') return value ? 1 : 0
  return value === null || value === undefined ? 0 : Number.NaN
}

/** The number to calculate with; 0 when `value` has none, as flagd in Go does. */
export function toNumber(value: unknown, frame: Frame): number {
  if (typeof value === 'number') return value
  const number = toComparable(value, frame)
  return Number.isNaN(number) ? 0 : number
}

/** The text of `value`: null is empty, a list is its items between commas. Charges for its length. */
export function toText(value: unknown, frame: Frame, depth = 0): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (typeof value !== 'object') return String(value)
  if (!Array.isArray(value)) return '[object Object]'
  if (depth > VALUE_DEPTH_MAX) throw new RuleFault('GENERAL', `List nests deeper than ${VALUE_DEPTH_MAX}`)
  let text = ''
  for (let index = 0; index < value.length; index += 1) {
    const item = toText(value[index], frame, depth + 1)
    text = checkText(index === 0 ? item : `${text},${item}`, frame)
  }
  return text
}

/** Hands back a text that a rule has made, after charging for it. */
export function checkText(text: string, frame: Frame): string {
  spend(frame, 1 + (text.length >> 6))
  if (text.length > PRODUCT_LENGTH_MAX) throw new RuleFault('GENERAL', `Text is longer than ${PRODUCT_LENGTH_MAX}`)
  return text
}

/** `==` of JSONLogic: null equals only null, texts compare as texts, everything else as numbers. */
export function looselyEqual(left: unknown, right: unknown, frame: Frame): boolean {
  if (typeof left === 'string' && typeof right === 'string') return sameText(left, right, frame)
  if (left === right) return true
  if (left === null || left === undefined) return right === null || right === undefined
  if (right === null || right === undefined) return false
  return toComparable(left, frame) === toComparable(right, frame)
}

/** `===` of JSONLogic: same type and same value; missing counts as null. */
export function strictlyEqual(left: unknown, right: unknown, frame: Frame): boolean {
  if (typeof left === 'string' && typeof right === 'string') return sameText(left, right, frame)
  return (left ?? null) === (right ?? null)
}

function sameText(left: string, right: string, frame: Frame): boolean {
  if (left.length !== right.length) return false
  weigh(left, frame)
  return left === right
}
