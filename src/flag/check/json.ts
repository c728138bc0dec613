import { DOCUMENT_DEPTH_MAX } from '../definition.ts'
import { type Mistake, pointerTo, shorten, truncate } from '../error.ts'

/** Where JSON comes from: its pointer, its depth in the stored document, and the text that it was parsed from. */
export type JsonSource = { readonly pointer?: string; readonly depth?: number; readonly text?: string | undefined }

/**
 * Finds why JSON cannot be stored: it nests too deep, has numbers that a double cannot represent exactly, or text that is not
 * well-formed. With `text`, a message shows the digits of a number as they were sent.
 */
export function checkJson(value: unknown, { pointer = '', depth = 0, text }: JsonSource = {}): Mistake[] {
  const checker = new JsonChecker(pointer, depth)
  checker.check(value, undefined)
  const { tooDeep, mistakes, inexact } = checker
  if (tooDeep) return [tooDeep]
  if (inexact.length > 0 && text !== undefined) addDigits(inexact, text)
  for (const { place, digits } of inexact)
    mistakes.push({ pointer: place, message: `Number ${truncate(digits)} cannot be kept exactly` })
  return mistakes
}

type InexactNumber = { readonly place: string; readonly number: number; digits: string }

/** The search ends after this many mistakes; no response shows more. */
const MISTAKES_MAX = 1_000

class JsonChecker {
  readonly mistakes: Mistake[] = []
  /** In the order of the document. */
  readonly inexact: InexactNumber[] = []
  tooDeep: Mistake | undefined
  readonly #pointer: string
  readonly #depth: number
  /** The steps to the current object or list. */
  readonly #path: string[] = []

  constructor(pointer: string, depth: number) {
    this.#pointer = pointer
    this.#depth = depth
  }

  /** Returns false to end the search: after too many mistakes, or at a value that nests too deep to go on recursively. */
  check(value: unknown, step: string | number | undefined): boolean {
    if (typeof value === 'object' && value !== null) return this.#checkObject(value, step)
    if (typeof value === 'string' && !value.isWellFormed())
      this.mistakes.push({ pointer: this.#placeOf(step), message: `Text ${shorten(value)} is not well-formed` })
    if (typeof value === 'number' && !isExact(value))
      this.inexact.push({ place: this.#placeOf(step), number: value, digits: String(value) })
    return this.inexact.length + this.mistakes.length < MISTAKES_MAX
  }

  #checkObject(value: object, step: string | number | undefined): boolean {
    if (step !== undefined) this.#path.push(String(step))
    if (this.#depth + this.#path.length >= DOCUMENT_DEPTH_MAX) {
      this.tooDeep = { pointer: this.#placeOf(undefined), message: `Document nests deeper than ${DOCUMENT_DEPTH_MAX}` }
      return false
    }
    const isComplete = Array.isArray(value)
      ? value.every((item, index) => this.check(item, index))
      : this.#checkMembers(value)
    if (isComplete && step !== undefined) this.#path.pop()
    return isComplete
  }

  #checkMembers(value: object): boolean {
    return Object.entries(value).every(([name, member]) => {
      if (!name.isWellFormed())
        this.mistakes.push({ pointer: this.#placeOf(name), message: `Name ${shorten(name)} is not well-formed text` })
      return this.check(member, name)
    })
  }

  /** Pointers are built only for mistakes. */
  #placeOf(step: string | number | undefined): string {
    return this.#pointer + pointerTo(...this.#path, ...(step === undefined ? [] : [String(step)]))
  }
}

/** Integers beyond ±(2^53 − 1) may have been other numbers before they were parsed. */
function isExact(number: number): boolean {
  return Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))
}

/**
 * Sets the digits of inexact numbers from the JSON text, in the order of the document. (A reviver of `JSON.parse` gets them
 * too, but takes 10 to 25 s for the largest body; this reads the text once.)
 */
function addDigits(inexact: readonly InexactNumber[], text: string): void {
  const sent = new Map<number, string[]>()
  for (const digits of numbersIn(text)) {
    const number = Number(digits)
    if (isExact(number)) continue
    const known = sent.get(number)
    if (known === undefined) sent.set(number, [digits])
    else known.push(digits)
  }
  const next = new Map([...sent].map(([number, digits]) => [number, digits.values()]))
  for (const entry of inexact) entry.digits = next.get(entry.number)?.next().value ?? entry.digits
}

const QUOTE = 34
const BACKSLASH = 92
const MINUS = 45
const ZERO = 48
const NINE = 57
const NUMBER = /-?\d[\d.eE+-]*/y

/** The numbers in a JSON text, as written. Not one expression for texts as well: a long text would exhaust its stack. */
function* numbersIn(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at + 1)
    else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      NUMBER.lastIndex = at
      const [digits = '-'] = NUMBER.exec(text) ?? []
      yield digits
      at += digits.length - 1
    }
  }
}

/** The index of the quote that ends a text which starts at `start`. */
function endOfText(text: string, start: number): number {
  let at = start
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at
}
