import { isRecord, RULE_DEPTH_MAX, WEIGHT_SUM_MAX } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'
import { parseVersion, VERSION_TESTS } from '../operators/version.ts'
import { isScalar, RuleFault } from '../rules/expression.ts'
import { compileRule, referenceOf, type Segments } from '../rules/rule.ts'

/** Finds what is wrong with a rule as written: flagd's schema, the segments it refers to, and our limits. */
export function checkRule(rule: unknown, segments: Segments, pointer: string): Mistake[] {
  const mistakes: Mistake[] = []
  visit(rule, { segments, mistakes, pointer, depth: 1 })
  const fault = faultOf(rule, segments)
  if (fault !== undefined) mistakes.push({ pointer, message: fault })
  return mistakes
}

/** A rule too deep or too large shows only when all of it, segments included, is put together. */
function faultOf(rule: unknown, segments: Segments): string | undefined {
  try {
    compileRule(rule, segments, 'v2')
    return undefined
  } catch (error) {
    if (error instanceof RuleFault) return error.message
    throw error
  }
}

type Visit = {
  readonly segments: Segments
  readonly mistakes: Mistake[]
  readonly pointer: string
  readonly depth: number
}

function visit(rule: unknown, at: Visit): void {
  // Deeper rules are refused as a whole, by the fault.
  if (isScalar(rule) || at.depth > RULE_DEPTH_MAX) return
  if (Array.isArray(rule)) {
    visitAll(rule, at)
    return
  }
  const name = referenceOf(rule)
  if (name === undefined) visitOperator(rule as Readonly<Record<string, unknown>>, at)
  else checkReference(name, at)
}

function visitAll(rules: readonly unknown[], at: Visit): void {
  for (let index = 0; index < rules.length; index += 1)
    if (!isScalar(rules[index])) visit(rules[index], { ...at, pointer: `${at.pointer}/${index}`, depth: at.depth + 1 })
}

function checkReference(name: string, { segments, mistakes, pointer }: Visit): void {
  if (segments.get(name) !== undefined) return
  const message = segments.has(name) ? `leads back to itself` : 'does not exist'
  mistakes.push({ pointer, message: `Segment ${shorten(name)} ${message}` })
}

function visitOperator(rule: Readonly<Record<string, unknown>>, at: Visit): void {
  const { mistakes, pointer } = at
  const [operator, ...others] = Object.keys(rule)
  if (operator === undefined || others.length > 0) {
    const found = operator === undefined ? 'none' : [operator, ...others].slice(0, 3).map(shorten).join(', ')
    mistakes.push({ pointer, message: `Rule must have exactly one operator, and has ${found}` })
    return
  }
  const place = `${pointer}${pointerTo(operator)}`
  const arity = ARITIES.get(operator)
  if (arity === undefined) {
    mistakes.push({ pointer: place, message: `Unknown operator ${shorten(operator)}` })
    return
  }
  const written = rule[operator]
  const operands = Array.isArray(written) ? written : [written]
  const message = arityMistake(operator, operands.length, arity)
  if (message !== undefined) mistakes.push({ pointer: place, message })
  else
    OPERAND_CHECKS.get(operator)?.(operands, (steps, reason) => {
      // The one operand of {"var": "x"} has no step of its own.
      const inner = Array.isArray(written) ? steps.map((step) => `/${step}`).join('') : ''
      mistakes.push({ pointer: place + inner, message: reason })
    })
  if (Array.isArray(written)) visitAll(written, { ...at, pointer: place })
  else visit(written, { ...at, pointer: place, depth: at.depth + 1 })
}

function arityMistake(operator: string, count: number, [least, most]: readonly [number, number]): string | undefined {
  if (count >= least && count <= most) return undefined
  const wanted =
    least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`
  return `Operator ${shorten(operator)} takes ${wanted} operand${wanted === '1' ? '' : 's'}, and has ${count}`
}

/** Hands a mistake over: the steps from the operator's own place, and what is wrong there. */
export type Report = (steps: readonly (string | number)[], message: string) => void
type Check = (operands: readonly unknown[], report: Report) => void
type Arity = readonly [least: number, most: number]

const MANY = Number.POSITIVE_INFINITY

/** How many operands each operator takes (flagd's schema targeting.json). */
export const ARITIES: ReadonlyMap<string, Arity> = new Map<string, Arity>([
  ...['if', '?:', 'and', 'or', '+', '-', 'max', 'min', 'merge', 'cat'].map((name) => [name, [1, MANY]] as const),
  ...['==', '!=', '===', '!==', '>', '>=', '/', '%', 'in'].map((name) => [name, [2, 2]] as const),
  ...['map', 'filter', 'all', 'some', 'none', 'missing_some'].map((name) => [name, [2, 2]] as const),
  ...['starts_with', 'ends_with'].map((name) => [name, [2, 2]] as const),
  ...['<', '<=', 'substr'].map((name) => [name, [2, 3]] as const),
  ...['!', '!!'].map((name) => [name, [1, 1]] as const),
  ...['reduce', 'sem_ver'].map((name) => [name, [3, 3]] as const),
  ['*', [2, MANY]],
  ['var', [0, 2]],
  ['missing', [0, MANY]],
  ['fractional', [1, MANY]],
])

/** What some operators ask of operands that are written out, beyond their number. */
export const OPERAND_CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
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

function checkMissingSome([least, paths]: readonly unknown[], report: Report): void {
  if (isScalar(least) && typeof least !== 'number') report([0], `Number of paths is ${shorten(least)}, not a number`)
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
  const by = operands[0]
  if (!Array.isArray(by) && !isRecord(by)) report([0], `Bucketing value is ${shorten(by)}, not a rule`)
  const first = Array.isArray(by) ? 0 : 1
  if (operands.length === first) report([], 'Fractional has no variants')
  let total = 0
  for (let index = first; index < operands.length; index += 1)
    total += checkShare(operands[index], (steps, message) => report([index, ...steps], message))
  if (total > WEIGHT_SUM_MAX) report([], `Sum of the weights is ${total}, more than ${WEIGHT_SUM_MAX}`)
}

/** Returns the weight, as far as it is known. */
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
