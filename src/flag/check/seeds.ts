import { type Mistake, pointerTo, shorten } from '../error.ts'
import { isScalar, LOOPS, type OperatorCall, operatorCallOf } from '../rules/expression.ts'

type Paths = ReadonlySet<string>
const NONE: Paths = new Set()

const DEPTH_MAX = 200

/**
 * Finds bucketing values of `fractional` that are a `cat` with an attribute which may be missing. flagd's implementations
 * convert null to text in different ways, so users without the attribute get different variants. A condition that holds only
 * with the attribute prevents this: `{"if": [{"var": "email"}, {"fractional": …}]}`.
 */
export function checkSeeds(rule: unknown, pointer: string): Mistake[] {
  const warnings: Mistake[] = []
  check(rule, { pointer, guarded: NONE, depth: 0, warnings })
  return warnings
}

type SeedPlace = {
  readonly pointer: string
  /** The attributes that exist whenever this rule is evaluated. */
  readonly guarded: Paths
  readonly depth: number
  readonly warnings: Mistake[]
}

function check(rule: unknown, place: SeedPlace): void {
  if (isScalar(rule) || place.depth > DEPTH_MAX) return
  if (Array.isArray(rule)) for (const [index, item] of rule.entries()) check(item, inside(place, String(index)))
  const call = operatorCallOf(rule)
  if (call === undefined || LOOPS.has(call.operator)) return
  if (call.operator === 'fractional') checkSeed(call.operands[0], atOperand(place, call, 0))
  checkOperands(call, place)
}

function checkOperands(call: OperatorCall, place: SeedPlace): void {
  let { guarded } = place
  for (const [index, operand] of call.operands.entries()) {
    check(operand, { ...atOperand(place, call, index), guarded: guarded.union(branchGuards(call, index)) })
    // Each operand is evaluated only if the ones before it are true (`and`) or false (`or`).
    if (call.operator === 'and') guarded = guarded.union(whenTrue(operand))
    if (call.operator === 'or') guarded = guarded.union(whenFalse(operand))
  }
}

const inside = (place: SeedPlace, ...steps: string[]): SeedPlace => ({
  ...place,
  pointer: place.pointer + pointerTo(...steps),
  depth: place.depth + 1,
})

const atOperand = (place: SeedPlace, { operator, written }: OperatorCall, index: number): SeedPlace =>
  Array.isArray(written) ? inside(place, operator, String(index)) : inside(place, operator)

function checkSeed(seed: unknown, place: SeedPlace): void {
  const cat = operatorCallOf(seed)
  if (cat?.operator !== 'cat') return
  for (const [index, part] of cat.operands.entries()) {
    const path = attributeOf(part)
    if (path === undefined || path.startsWith('$flagd.') || place.guarded.has(path)) continue
    place.warnings.push({
      pointer: atOperand(place, cat, index).pointer,
      message: `Engines differ where ${shorten(path)} is missing: guard the attribute, as in {"if": [{"var": ${shorten(path)}}, {"fractional": …}]}`,
    })
  }
}

/** The attribute that a `var` without a default reads. */
function attributeOf(rule: unknown): string | undefined {
  const call = operatorCallOf(rule)
  if (call?.operator !== 'var') return undefined
  const [path, fallback] = call.operands
  return typeof path === 'string' && (fallback === undefined || fallback === null) ? path : undefined
}

/** The attributes that exist in an operand of `if`: its own condition is true, and those before it are false. */
function branchGuards({ operator, operands }: OperatorCall, index: number): Paths {
  if (operator !== 'if' && operator !== '?:') return NONE
  let known = NONE
  for (let condition = 0; condition + 1 < operands.length && condition < index; condition += 2) {
    const isOwn = condition + 1 === index
    known = known.union(isOwn ? whenTrue(operands[condition]) : whenFalse(operands[condition]))
  }
  return known
}

/** The attributes that must exist if a condition is true. */
function whenTrue(rule: unknown): Paths {
  const path = attributeOf(rule)
  if (path !== undefined) return new Set([path])
  const { operator, operands } = operatorCallOf(rule) ?? { operator: '', operands: [] }
  const [first, second] = operands
  switch (operator) {
    case 'and':
      return operands.map(whenTrue).reduce((all, paths) => all.union(paths), NONE)
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

/** The attributes that must exist if a condition is false. */
function whenFalse(rule: unknown): Paths {
  const { operator, operands } = operatorCallOf(rule) ?? { operator: '', operands: [] }
  const [first, second] = operands
  switch (operator) {
    case 'or':
      return operands.map(whenFalse).reduce((all, paths) => all.union(paths), NONE)
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
