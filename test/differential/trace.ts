import type { Context } from '../../src/flag/definition.ts'
import { isRecord } from '../../src/flag/definition.ts'
import { truthy } from '../../src/flag/rules/expression.ts'
import { compileRule } from '../../src/flag/rules/rule.ts'
import { compileSegments } from '../../src/flag/rules/segments.ts'
import { DIFFERENCES, type Difference, type DifferenceName } from './differences.ts'
import { SEGMENTS } from './generate.ts'

const { compiled } = compileSegments(SEGMENTS, 'v2')
type Where = { readonly data: unknown; readonly context: Context; readonly flagKey: string; readonly now: number }
type Values = readonly unknown[]
type Note = (name: DifferenceName) => void

/**
 * Walks through a rule in the order of an evaluation, and names the known differences that occur. The values of its parts come from our
 * evaluator, so that a difference is found in the part that causes it.
 */
export function trace(rule: unknown, where: Omit<Where, 'data'>): ReadonlySet<DifferenceName> {
  const found = new Set<DifferenceName>()
  const tracer = new Tracer((name) => found.add(name))
  const at = { ...where, data: where.context }
  if (rule === null) found.add('null-rule')
  tracer.visit(rule, at)
  noteResult(partOf(rule, at), (name) => found.add(name))
  if (hasFailingConstant(rule)) found.add('constants')
  return found
}

function noteResult(value: unknown, note: Note): void {
  if (Array.isArray(value)) note('list-as-variant')
  if (typeof value === 'number' && !Number.isFinite(value)) note('not-finite')
  if (typeof value === 'string' && (value !== value.trim() || value.includes('"'))) note('spaces-and-quotes')
}

function partOf(rule: unknown, { data, context, flagKey, now }: Where): unknown {
  return compileRule(rule, { segments: compiled, bucketing: 'v2' }).expression(data, {
    flagKey,
    now,
    context,
    whole: undefined,
    steps: 0,
  })
}

type Operation = { readonly name: string; readonly operands: Values; readonly isBare: boolean }

function operationOf(rule: unknown): Operation | undefined {
  if (!isRecord(rule)) return undefined
  const [name, ...others] = Object.keys(rule)
  if (name === undefined || others.length > 0) return undefined
  const written = rule[name]
  return { name, operands: Array.isArray(written) ? written : [written], isBare: !Array.isArray(written) }
}

class Tracer {
  readonly #note: Note

  constructor(note: Note) {
    this.#note = note
  }

  visit(rule: unknown, at: Where): void {
    if (Array.isArray(rule)) for (const item of rule) this.visit(item, at)
    const operation = operationOf(rule)
    if (operation === undefined) return
    const { name, operands } = operation
    if (name === '$ref') this.visit(SEGMENTS[operands[0] as keyof typeof SEGMENTS], at)
    else if (name === 'if') this.#branches(operands, at)
    else if (name === 'and' || name === 'or') this.#chain(operands, name === 'or', at)
    else if (LOOPS.has(name)) this.#loop(name, operands, at)
    else this.#plain(operation, at)
  }

  #branches(operands: Values, at: Where): void {
    for (let index = 0; index < operands.length; index += 2) {
      this.visit(operands[index], at)
      if (index + 1 === operands.length) return
      if (truthy(partOf(operands[index], at))) {
        this.visit(operands[index + 1], at)
        return
      }
    }
  }

  #chain(operands: Values, until: boolean, at: Where): void {
    for (const operand of operands) {
      this.visit(operand, at)
      if (truthy(partOf(operand, at)) === until) return
    }
  }

  #loop(name: string, [list, body, start]: Values, at: Where): void {
    this.visit(list, at)
    const items = partOf(list, at)
    if (!Array.isArray(items)) {
      if (items) this.#note('loop-over-other')
      else if (name === 'all') this.#note('all-of-nothing')
      return
    }
    let accumulator = start
    for (const item of items) {
      const inner = { ...at, data: name === 'reduce' ? { current: item, accumulator } : item }
      this.visit(body, inner)
      accumulator = partOf(body, inner)
      const isTrue = truthy(accumulator)
      if ((name === 'all' && !isTrue) || ((name === 'some' || name === 'none') && isTrue)) return
    }
  }

  #plain(operation: Operation, at: Where): void {
    const { name, operands } = operation
    if (FLAGD.has(name) && at.data !== at.context) this.#note('flagd-operator-in-loop')
    if (COMPARISONS.has(name) && this.#overwrites(operands, at)) this.#note('shared-variable')
    for (const operand of operands) this.visit(operand, at)
    if (name === 'var') this.#variable(operands, at)
    else if (name === 'missing' || name === 'missing_some') this.#missing(operands.flat(), at)
    else if (name === 'fractional') this.#fractional(operands, at)
    else
      noteOperands(
        operation,
        operands.map((operand) => partOf(operand, at)),
        this.#note,
      )
  }

  /** Whether a later operand of a comparison overwrites the first, where flagd-core does not check that. */
  #overwrites([first, ...later]: Values, at: Where): boolean {
    const isUnchecked = isObject(partOf(first, at)) && !later.every(isConstant)
    return isUnchecked || later.some(holdsVariable)
  }

  #variable([path, instead]: Values, at: Where): void {
    const value = this.#walk(path, at)
    if (value === null && instead !== undefined) this.#note('default-of-null')
  }

  #missing(paths: Values, at: Where): void {
    for (const path of paths) if (this.#walk(path, at) === null) this.#note('missing-null')
  }

  /** The value at a path; undefined if there is none. */
  #walk(path: unknown, { data }: Where): unknown {
    let value = data
    for (const step of String(path).split('.')) {
      if (typeof value === 'string' && (step === 'length' || /^\d+$/.test(step))) this.#note('var-into-text')
      if (!isRecord(value) && !Array.isArray(value)) return undefined
      value = (value as Readonly<Record<string, unknown>>)[step]
    }
    return value
  }

  #fractional(operands: Values, at: Where): void {
    const isSeeded = !Array.isArray(operands[0])
    const seed = isSeeded ? partOf(operands[0], at) : undefined
    if (isSeeded && seed === null) this.#note('fractional-null-seed')
    const { targetingKey } = at.context
    if (typeof seed !== 'string' && targetingKey && typeof targetingKey !== 'string')
      this.#note('fractional-targeting-key')
    if (!isAscii(typeof seed === 'string' ? seed : targetingKey)) this.#note('utf-16')
    for (const [variant, ...weights] of operands.slice(isSeeded ? 1 : 0) as Values[]) {
      if (isObject(partOf(variant, at))) this.#note('fractional-variant')
      if (weights.length > 0 && partOf(weights[0], at) === null) this.#note('fractional-null-weight')
    }
  }
}

const LOOPS: ReadonlySet<string> = new Set(['map', 'filter', 'reduce', 'all', 'some', 'none'])
/** The operators that flagd adds. */
const FLAGD: ReadonlySet<string> = new Set(['fractional', 'starts_with', 'ends_with', 'sem_ver'])
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const isAscii = (value: unknown): boolean => typeof value !== 'string' || /^[\0-\x7f]*$/.test(value)

/** The number of a value, as JavaScript converts scalars; NaN for all others. */
const toNumber = (value: unknown): number => (isObject(value) ? Number.NaN : Number(value))
const isText = (value: unknown): boolean => typeof value === 'string' || value === null

/** Checks the types of the operands of an operator. */
function noteOperands({ name, isBare }: Operation, values: Values, note: Note): void {
  const [first, second] = values
  if (COMPARISONS.has(name)) noteComparison(name, values, note)
  if (ARITHMETIC.has(name)) noteArithmetic(name, isBare && Array.isArray(first) ? first : values, note)
  if ((name === 'max' || name === 'min') && !values.every((value) => typeof value === 'number'))
    note('extreme-of-others')
  if (name === 'cat' && values.includes(null)) note('cat-of-null')
  if (name === 'substr' && typeof first !== 'string') note('substr-of-other')
  if (name === 'in') noteMembership(first, second, note)
  if (name === 'substr' && typeof first === 'string' && /[\ud800-\udfff]/.test(first)) note('code-points')
  const isUnary = ARITHMETIC.has(name) ? values.length === 1 : isBare && (name === '!' || name === '!!')
  if (isUnary && Array.isArray(first)) note('unary-list')
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>='])
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '*', '-', '/', '%'])

function noteComparison(name: string, values: Values, note: Note): void {
  if (values.length > 2 && values.some(isText)) note('range-of-texts')
  if (values.every(isText)) return
  if (values.some((value) => Number.isNaN(toNumber(value)))) note('not-a-number')
  const isEquality = name === '==' || name === '!='
  if (isEquality && values.includes(null) && values.some((value) => value === 0 || value === false))
    note('null-equals-zero')
}

function noteArithmetic(name: string, values: Values, note: Note): void {
  if (values.some((value) => Number.isNaN(toNumber(value)))) note('not-a-number')
  if ((name === '+' || name === '*') && values.includes(null)) note('null-summand')
  if ((name === '/' || name === '%') && toNumber(values[1]) === 0) note('division-by-zero')
}

function noteMembership(needle: unknown, haystack: unknown, note: Note): void {
  if (Array.isArray(haystack)) return
  if (typeof haystack !== 'string') {
    if (haystack) note('in-of-other')
  } else if (haystack === '' || (typeof needle !== 'string' && typeof needle !== 'number')) note('in-text-of-other')
}

const NOWHERE: Where = { data: {}, context: {}, flagKey: '', now: 0 }
const VARIABLE: ReadonlySet<string> = new Set(['var', 'missing', 'missing_some', 'fractional', 'sem_ver', '$ref'])

/** Whether flagd-core fails at a part without variables while it compiles. */
function hasFailingConstant(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.some(hasFailingConstant)
  const operation = operationOf(rule)
  if (operation === undefined) return false
  if (operation.operands.some(hasFailingConstant) || failsAtLiteral(operation)) return true
  if (!isConstant(rule)) return false
  const found = new Set<DifferenceName>()
  new Tracer((name) => found.add(name)).visit(rule, NOWHERE)
  return [...found].some((name) => (DIFFERENCES[name] as Difference).fails)
}

function isConstant(rule: unknown): boolean {
  if (Array.isArray(rule)) return rule.every(isConstant)
  const operation = operationOf(rule)
  return operation === undefined || (!VARIABLE.has(operation.name) && operation.operands.every(isConstant))
}

/** Literals among the operands of arithmetic are converted when the rule is compiled, and so is the one operand of `cat`. */
function failsAtLiteral({ name, operands, isBare }: Operation): boolean {
  if (name === 'cat' && operands.length === 1 && isConstant(operands[0])) return partOf(operands[0], NOWHERE) === null
  if (!ARITHMETIC.has(name) || isBare) return false
  const literals = operands.map((operand) => (isConstant(operand) ? partOf(operand, NOWHERE) : undefined))
  const isNone = (value: unknown) => value !== undefined && Number.isNaN(toNumber(value))
  return (
    literals.some(isNone) ||
    (name === '/' && literals.slice(1).some((value) => value !== undefined && toNumber(value) === 0))
  )
}

/** Whether a rule is computed from a variable, and is not just the variable itself. */
function holdsVariable(rule: unknown): boolean {
  const operation = operationOf(rule)
  return operation !== undefined && operation.name !== 'var' && !isConstant(rule)
}
