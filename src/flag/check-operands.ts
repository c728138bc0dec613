import { isScalar } from './expression.ts'
import { WEIGHT_SUM_MAX } from './limits.ts'
import { VERSION_TESTS } from './operators/version.ts'
import { isRecord } from './value.ts'
import { parseVersion } from './version.ts'
import { shorten } from './words.ts'

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
