import { isRecord } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { isScalar } from '../rules/expression.ts'

type Paths = ReadonlySet<string>
const NONE: Paths = new Set()

/** Operators whose inner rule sees an item of a list, and no attribute of the context. */
const LOOPS: ReadonlySet<string> = new Set(['map', 'filter', 'reduce', 'all', 'some', 'none'])
const DEPTH_MAX = 200

/**
 * Finds seeds of `fractional` that are a `cat` with an attribute which may be missing: the engines of flagd write null in different ways
 * there, so that users without the attribute get other variants in another engine. A guard is a condition that holds only with the
 * attribute: `{"if": [{"var": "email"}, {"fractional": …}]}`.
 */
export function checkSeeds(rule: unknown, pointer: string): Mistake[] {
  const warnings: Mistake[] = []
  visit(rule, { pointer, guarded: NONE, depth: 0, warnings })
  return warnings
}

type Visit = {
  readonly pointer: string
  /** The attributes that are there whenever this rule is evaluated. */
  readonly guarded: Paths
  readonly depth: number
  readonly warnings: Mistake[]
}

function visit(rule: unknown, at: Visit): void {
  if (isScalar(rule) || at.depth > DEPTH_MAX) return
  if (Array.isArray(rule)) {
    for (const [index, item] of rule.entries()) visit(item, inside(at, String(index)))
    return
  }
  const found = operationOf(rule)
  if (found === undefined || LOOPS.has(found.operator)) return
  if (found.operator === 'fractional') checkSeed(found.operands[0], inside(at, ...found.steps(0)))
  visitOperands(found, at)
}

function visitOperands({ operator, operands, steps }: Operation, at: Visit): void {
  let { guarded } = at
  for (const [index, operand] of operands.entries()) {
    const conditions = operator === 'if' || operator === '?:' ? branchGuards(operands, index) : NONE
    visit(operand, { ...inside(at, ...steps(index)), guarded: union(guarded, conditions) })
    // Each operand is evaluated only when the ones before it were true, or false.
    if (operator === 'and') guarded = union(guarded, whenTrue(operand))
    if (operator === 'or') guarded = union(guarded, whenFalse(operand))
  }
}

const inside = (at: Visit, ...steps: string[]): Visit => ({
  ...at,
  pointer: at.pointer + pointerTo(...steps),
  depth: at.depth + 1,
})

type Operation = {
  readonly operator: string
  readonly operands: readonly unknown[]
  /** From the rule to an operand. */
  readonly steps: (index: number) => string[]
}

function operationOf(rule: unknown): Operation | undefined {
  if (!isRecord(rule)) return undefined
  const [operator, ...others] = Object.keys(rule)
  if (operator === undefined || others.length > 0) return undefined
  const written = rule[operator]
  const isList = Array.isArray(written)
  return {
    operator,
    operands: isList ? written : [written],
    steps: (index) => (isList ? [operator, String(index)] : [operator]),
  }
}

function checkSeed(seed: unknown, at: Visit): void {
  const cat = operationOf(seed)
  if (cat?.operator !== 'cat') return
  for (const [index, part] of cat.operands.entries()) {
    const path = attributeOf(part)
    if (path === undefined || path.startsWith('$flagd.') || at.guarded.has(path)) continue
    at.warnings.push({
      pointer: inside(at, ...cat.steps(index)).pointer,
      message: `Engines differ where ${shorten(path)} is missing: guard the attribute, as in {"if": [{"var": ${shorten(path)}}, {"fractional": …}]}`,
    })
  }
}

/** The attribute that a `var` without a default reads. */
function attributeOf(rule: unknown): string | undefined {
  const found = operationOf(rule)
  if (found?.operator !== 'var') return undefined
  const [path, instead] = found.operands
  return typeof path === 'string' && (instead === undefined || instead === null) ? path : undefined
}

/** What is known in a part of an `if`: its own condition is true, and those before it are false. */
function branchGuards(operands: readonly unknown[], index: number): Paths {
  let known = NONE
  for (let condition = 0; condition + 1 < operands.length && condition < index; condition += 2) {
    const isOwn = condition + 1 === index
    known = union(known, isOwn ? whenTrue(operands[condition]) : whenFalse(operands[condition]))
  }
  return known
}

/** The attributes that must be there when a condition is true. */
function whenTrue(rule: unknown): Paths {
  const path = attributeOf(rule)
  if (path !== undefined) return new Set([path])
  const { operator, operands } = operationOf(rule) ?? { operator: '', operands: [] }
  const [first, second] = operands
  switch (operator) {
    case 'and':
      return operands.map(whenTrue).reduce(union, NONE)
    case '!!':
      return whenTrue(first)
    case '!':
      return whenFalse(first)
    case '==':
    case '===':
      return attributes(isText(second) && first, isText(first) && second)
    case '!=':
    case '!==':
      return attributes(second === null && first, first === null && second)
    case 'starts_with':
    case 'ends_with':
    case 'sem_ver':
      return attributes(first, second)
    case 'in':
      return attributes(Array.isArray(second) && !second.includes(null) && first, second)
    default:
      return NONE
  }
}

/** The attributes that must be there when a condition is false. */
function whenFalse(rule: unknown): Paths {
  const { operator, operands } = operationOf(rule) ?? { operator: '', operands: [] }
  const [first, second] = operands
  switch (operator) {
    case 'or':
      return operands.map(whenFalse).reduce(union, NONE)
    case '!':
      return whenTrue(first)
    case 'missing':
      return new Set(operands.flat().filter((path) => typeof path === 'string'))
    case '==':
    case '===':
      return attributes(second === null && first, first === null && second)
    default:
      return NONE
  }
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const attributes = (...rules: readonly unknown[]): Paths =>
  new Set(rules.map(attributeOf).filter((path) => path !== undefined))

const union = (one: Paths, other: Paths): Paths => (other.size === 0 ? one : one.union(other))
