import { DOCUMENT_DEPTH_MAX } from '../definition.ts'
import { cut, type Mistake, pointerTo, shorten } from '../error.ts'

/** Where JSON stands: the pointer to it, how deep it will stand in the document that is stored, and the text that it was parsed from. */
export type JsonPlace = { readonly pointer?: string; readonly depth?: number; readonly text?: string | undefined }

/**
 * Finds what keeps JSON from being stored at all: it nests too deep, holds numbers that do not come back as they were, or text that
 * is not well-formed. With `text`, a mistake shows the digits that were sent, and not the number that they became.
 */
export function checkJson(value: unknown, { pointer = '', depth = 0, text }: JsonPlace = {}): Mistake[] {
  const found: Found = { mistakes: [], inexact: [], path: [], isTooDeep: false, pointer, depth }
  visit(value, undefined, found)
  if (found.isTooDeep) return [tooDeep(found)]
  const { mistakes, inexact } = found
  if (inexact.length > 0 && text !== undefined) addDigits(inexact, text)
  for (const { place, digits } of inexact)
    mistakes.push({ pointer: place, message: `Number ${cut(digits)} cannot be kept exactly` })
  return mistakes
}

type Inexact = { readonly place: string; readonly number: number; digits: string }
type Found = {
  readonly mistakes: Mistake[]
  /** In the order of the document. */
  readonly inexact: Inexact[]
  /** To the object or list that is looked at. */
  readonly path: string[]
  isTooDeep: boolean
  readonly pointer: string
  readonly depth: number
}

/** Pointers are put together only where there is a mistake. */
function placeOf({ pointer, path }: Found, step: string | number | undefined): string {
  return pointer + pointerTo(...path) + (step === undefined ? '' : pointerTo(String(step)))
}

const tooDeep = (found: Found): Mistake => ({
  pointer: placeOf(found, undefined),
  message: `Document nests deeper than ${DOCUMENT_DEPTH_MAX}`,
})

/** So many are looked for: no answer shows more. */
const MISTAKES_MAX = 1_000

/** False ends the search: where it nests too deep, so that the recursion goes no deeper, and where enough was found. */
function visit(value: unknown, step: string | number | undefined, found: Found): boolean {
  if (typeof value === 'object' && value !== null) return visitInner(value, step, found)
  if (typeof value === 'string' && !value.isWellFormed())
    found.mistakes.push({ pointer: placeOf(found, step), message: `Text ${shorten(value)} is not well-formed` })
  if (typeof value === 'number' && !isExact(value))
    found.inexact.push({ place: placeOf(found, step), number: value, digits: String(value) })
  return found.inexact.length + found.mistakes.length < MISTAKES_MAX
}

function visitInner(value: object, step: string | number | undefined, found: Found): boolean {
  const { path, depth } = found
  if (step !== undefined) path.push(String(step))
  if (depth + path.length >= DOCUMENT_DEPTH_MAX) {
    found.isTooDeep = true
    return false
  }
  const isRight = Array.isArray(value) ? visitItems(value, found) : visitMembers(value, found)
  if (isRight && step !== undefined) path.pop()
  return isRight
}

function visitItems(items: readonly unknown[], found: Found): boolean {
  for (let index = 0; index < items.length; index += 1) if (!visit(items[index], index, found)) return false
  return true
}

function visitMembers(members: object, found: Found): boolean {
  for (const [name, value] of Object.entries(members)) {
    if (!name.isWellFormed())
      found.mistakes.push({
        pointer: placeOf(found, name),
        message: `Name ${shorten(name)} is not well-formed text`,
      })
    if (!visit(value, name, found)) return false
  }
  return true
}

/** Whole numbers beyond ±(2^53 − 1) may have been others before they were parsed. */
function isExact(number: number): boolean {
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))
}

/**
 * Gives inexact numbers the digits that they had in the text, in the order of the document. (A reviver of `JSON.parse` gets them too,
 * but takes 10 to 25 s for the largest body; this takes as long as to read the text once.)
 */
function addDigits(inexact: readonly Inexact[], text: string): void {
  const sent = new Map<number, string[]>()
  for (const digits of numbersIn(text)) {
    const number = Number(digits)
    if (isExact(number)) continue
    const known = sent.get(number)
    if (known === undefined) sent.set(number, [digits])
    else known.push(digits)
  }
  const next = new Map([...sent].map(([number, digits]) => [number, digits.values()]))
  for (const one of inexact) one.digits = next.get(one.number)?.next().value ?? one.digits
}

const QUOTE = 34
const BACKSLASH = 92

/** The numbers in a text that is JSON, as they are written. */
function* numbersIn(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at + 1)
    else if (startsNumber(code)) {
      const start = at
      while (isInNumber(text.charCodeAt(at + 1))) at += 1
      yield text.slice(start, at + 1)
    }
  }
}

/** Where the quote is that ends a text which starts at `start`. */
function endOfText(text: string, start: number): number {
  let at = start
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at
}

/** 0 to 9 and "-". */
const startsNumber = (code: number): boolean => (code >= 48 && code <= 57) || code === 45
/** These, "+", ".", "e" and "E". */
const isInNumber = (code: number): boolean =>
  startsNumber(code) || code === 43 || code === 46 || code === 69 || code === 101
