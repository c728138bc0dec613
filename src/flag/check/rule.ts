import { isRecord, RULE_DEPTH_MAX, WEIGHT_SUM_MAX } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { parseVersion, VERSION_TESTS } from '../operators/version.ts'
import { isScalar, operatorCallOf, RuleFault, referenceOf } from '../rules/expression.ts'
import { compileRule, type Segments } from '../rules/rule.ts'

/** Finds mistakes in a rule as written: violations of flagd's schema, missing segments, exceeded limits. */
export function checkRule(rule: unknown, segments: Segments, pointer: string): Mistake[] {
  const checker = new RuleChecker(segments)
  checker.check(rule, pointer, 1)
  const fault = faultOf(rule, segments)
  if (fault !== undefined) checker.mistakes.push({ pointer, message: fault })
  return checker.mistakes
}

/** Limits apply to the rule as a whole, with its segments. */
function faultOf(rule: unknown, segments: Segments): string | undefined {
  try {
    compileRule(rule, { segments, bucketing: 'v2' })
    return undefined
  } catch (error) {
    if (error instanceof RuleFault) return error.message
    throw error
  }
}

class RuleChecker {
  readonly mistakes: Mistake[] = []
  readonly #segments: Segments

  constructor(segments: Segments) {
    this.#segments = segments
  }

  check(rule: unknown, pointer: string, depth: number): void {
    // A deeper rule is rejected as a whole, by its fault.
    if (isScalar(rule) || depth > RULE_DEPTH_MAX) return
    if (Array.isArray(rule)) {
      this.#checkAll(rule, pointer, depth)
      return
    }
    const name = referenceOf(rule)
    if (name === undefined) this.#checkOperator(rule, pointer, depth)
    else this.#checkReference(name, pointer)
  }

  #checkAll(rules: readonly unknown[], pointer: string, depth: number): void {
    for (let index = 0; index < rules.length; index += 1)
      if (!isScalar(rules[index])) this.check(rules[index], `${pointer}/${index}`, depth + 1)
  }

  #checkReference(name: string, pointer: string): void {
    if (this.#segments.get(name) !== undefined) return
    const problem = this.#segments.has(name) ? 'leads back to itself' : 'does not exist'
    this.mistakes.push({ pointer, message: `Segment ${shorten(name)} ${problem}` })
  }

  #checkOperator(rule: unknown, pointer: string, depth: number): void {
    const call = operatorCallOf(rule)
    if (call === undefined) {
      const names = Object.keys(Object(rule)).slice(0, 3).map(shorten).join(', ') || 'none'
      this.mistakes.push({ pointer, message: `Rule must have exactly one operator, and has ${names}` })
      return
    }
    const { operator, operands, written } = call
    const place = pointer + pointerTo(operator)
    const arity = ARITIES.get(operator)
    if (arity === undefined) {
      this.mistakes.push({ pointer: place, message: `Unknown operator ${shorten(operator)}` })
      return
    }
    const message = arityMistake(operator, operands.length, arity)
    if (message !== undefined) this.mistakes.push({ pointer: place, message })
    else
      OPERAND_CHECKS.get(operator)?.(operands, (steps, reason) => {
        // A single operand without brackets, as in {"var": "x"}, has no step of its own.
        const inner = Array.isArray(written) ? steps.map((step) => `/${step}`).join('') : ''
        this.mistakes.push({ pointer: place + inner, message: reason })
      })
    this.check(written, place, Array.isArray(written) ? depth : depth + 1)
  }
}

type Arity = readonly [min: number, max: number]

const arities = (names: string, min: number, max = Number.POSITIVE_INFINITY): [string, Arity][] =>
  names.split(' ').map((name) => [name, [min, max]])

/** How many operands each operator takes (flagd's schema targeting.json). */
const ARITIES: ReadonlyMap<string, Arity> = new Map([
  ...arities('missing', 0),
  ...arities('var', 0, 2),
  ...arities('if ?: and or + - max min merge cat fractional', 1),
  ...arities('! !!', 1, 1),
  ...arities('*', 2),
  ...arities('== != === !== > >= / % in starts_with ends_with', 2, 2),
  ...arities('map filter all some none missing_some', 2, 2),
  ...arities('< <= substr', 2, 3),
  ...arities('reduce sem_ver', 3, 3),
])

function arityMistake(operator: string, count: number, [min, max]: Arity): string | undefined {
  if (count >= min && count <= max) return undefined
  const wanted = min === max ? `${min}` : max === Number.POSITIVE_INFINITY ? `${min} or more` : `${min} to ${max}`
  return `Operator ${shorten(operator)} takes ${wanted} operand${wanted === '1' ? '' : 's'}, and has ${count}`
}

/** Reports a mistake at the place that `steps` lead to from the operator. */
type Report = (steps: readonly (string | number)[], message: string) => void
type OperandCheck = (operands: readonly unknown[], report: Report) => void

/** Checks of constant operands, for operators that restrict more than their number. */
const OPERAND_CHECKS: ReadonlyMap<string, OperandCheck> = new Map<string, OperandCheck>([
  ['var', checkVariable],
  ['missing', checkPaths],
  ['missing_some', checkMissingSome],
  ['starts_with', checkTexts],
  ['ends_with', checkTexts],
  ['sem_ver', checkVersions],
  ['fractional', checkFractional],
])

function checkVariable([path]: readonly unknown[], report: Report): void {
  if (typeof path === 'boolean') report([0], `Path is ${path}, not a text`)
  if (typeof path !== 'string' || !path.startsWith('$flagd.')) return
  if (path !== '$flagd.flagKey' && path !== '$flagd.timestamp')
    report([0], `Unknown property ${shorten(path)}: there are "$flagd.flagKey" and "$flagd.timestamp"`)
}

function checkPaths(paths: readonly unknown[], report: Report): void {
  for (const [index, path] of paths.entries())
    if (isScalar(path) && typeof path !== 'string') report([index], `Path is ${shorten(path)}, not a text`)
}

function checkMissingSome([minimum, paths]: readonly unknown[], report: Report): void {
  if (isScalar(minimum) && typeof minimum !== 'number')
    report([0], `Number of paths is ${shorten(minimum)}, not a number`)
  if (isScalar(paths)) report([1], `Paths are ${shorten(paths)}, not a list`)
  else if (Array.isArray(paths)) checkPaths(paths, (steps, message) => report([1, ...steps], message))
}

function checkTexts(operands: readonly unknown[], report: Report): void {
  for (const [index, operand] of operands.entries())
    if (typeof operand !== 'string' && !isRecord(operand)) report([index], `Operand is ${shorten(operand)}, not a text`)
}

function checkVersions([left, test, right]: readonly unknown[], report: Report): void {
  for (const [index, version] of [[0, left] as const, [2, right] as const]) {
    if (isRecord(version) || (typeof version === 'string' && parseVersion(version) !== undefined)) continue
    report([index], `Operand is ${shorten(version)}, not a semantic version`)
  }
  if (!VERSION_TESTS.has(test))
    report([1], `Unknown comparison ${shorten(test)}: there are ${[...VERSION_TESTS.keys()].map(shorten).join(', ')}`)
}

function checkFractional(operands: readonly unknown[], report: Report): void {
  const [value] = operands
  if (!Array.isArray(value) && !isRecord(value)) report([0], `Bucketing value is ${shorten(value)}, not a rule`)
  const first = Array.isArray(value) ? 0 : 1
  if (operands.length === first) report([], 'Fractional has no variants')
  let total = 0
  for (let index = first; index < operands.length; index += 1)
    total += checkShare(operands[index], (steps, message) => report([index, ...steps], message))
  if (total > WEIGHT_SUM_MAX) report([], `Sum of the weights is ${total}, more than ${WEIGHT_SUM_MAX}`)
}

/** Checks `[variant, weight]` and returns the weight; 0 if it is computed or invalid. */
function checkShare(share: unknown, report: Report): number {
  if (!Array.isArray(share) || share.length < 1 || share.length > 2) {
    report([], `Share is ${shorten(share)}, not [variant, weight] or [variant]`)
    return 0
  }
  const [variant, weight = 1] = share
  if (Array.isArray(variant)) report([0], 'Variant is a list, not a name')
  if (isRecord(weight)) return 0
  if (typeof weight === 'number' && Number.isInteger(weight) && weight >= 0) return weight
  report([1], `Weight is ${shorten(weight)}, not a whole number from 0`)
  return 0
}
