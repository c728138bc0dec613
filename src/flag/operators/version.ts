import { type Compiler, type Expression, isScalar, type Operator } from '../rules/expression.ts'

/** A semantic version (https://semver.org). Build metadata is dropped, because it does not take part in the order. */
export type SemanticVersion = {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** The identifiers after "-"; empty for a release. */
  readonly prerelease: readonly (string | number)[]
}

type VersionTest = (left: SemanticVersion, right: SemanticVersion) => boolean

/** The comparisons of `sem_ver`: order, `^` for the same major version, `~` for the same major and minor version. */
export const VERSION_TESTS: ReadonlyMap<unknown, VersionTest> = new Map<string, VersionTest>([
  ['=', (left, right) => compareVersions(left, right) === 0],
  ['!=', (left, right) => compareVersions(left, right) !== 0],
  ['<', (left, right) => compareVersions(left, right) < 0],
  ['<=', (left, right) => compareVersions(left, right) <= 0],
  ['>', (left, right) => compareVersions(left, right) > 0],
  ['>=', (left, right) => compareVersions(left, right) >= 0],
  ['^', (left, right) => left.major === right.major],
  ['~', (left, right) => left.major === right.major && left.minor === right.minor],
])

/** `sem_ver`: `[version, comparison, version]`; null unless all three are valid. */
export const semVer: Operator = (operands, compiler) => {
  if (operands.length !== 3) return () => null
  const [first, comparison, second] = operands
  const left = compileVersion(first, compiler)
  const test = compiler.compile(comparison)
  const right = compileVersion(second, compiler)
  const constantTest = VERSION_TESTS.get(comparison)
  if (constantTest !== undefined) return compareBy(constantTest, left, right)
  if (isScalar(comparison)) return () => null
  return (data, frame) => {
    const found = VERSION_TESTS.get(test(data, frame))
    return found === undefined ? null : compareBy(found, left, right)(data, frame)
  }
}

type VersionExpression = (...operands: Parameters<Expression>) => SemanticVersion | undefined

function compareBy(test: VersionTest, left: VersionExpression, right: VersionExpression): Expression {
  return (data, frame) => {
    const first = left(data, frame)
    const second = right(data, frame)
    return first === undefined || second === undefined ? null : test(first, second)
  }
}

/** A constant version is parsed once, here. */
function compileVersion(operand: unknown, compiler: Compiler): VersionExpression {
  const part = compiler.compile(operand)
  if (!isScalar(operand)) return (data, frame) => toVersion(part(data, frame))
  const version = toVersion(operand)
  return () => version
}

function toVersion(value: unknown): SemanticVersion | undefined {
  if (typeof value === 'string') return parseVersion(value)
  return typeof value === 'number' ? parseVersion(String(value)) : undefined
}

const RELEASE: readonly never[] = []
/** npm's limit. Longer texts are not versions. */
const LENGTH_MAX = 256
const DOT = 46
const ZERO = 48
const NINE = 57
const UPPER_V = 86
const LOWER_V = 118

/**
 * Parses `1`, `1.2` or `1.2.3` with an optional prefix "v" or "V"; after all three numbers also `-pre.1` and `+build`.
 * Follows golang.org/x/mod/semver, which flagd uses: no spaces, no leading zeros, no suffix after a partial version.
 * Undefined for anything else, and for numbers above 2^53 − 1. Reads characters, because a RegExp takes twice as long.
 */
export function parseVersion(text: string): SemanticVersion | undefined {
  if (text.length > LENGTH_MAX) return undefined
  const first = text.charCodeAt(0)
  const start = first === LOWER_V || first === UPPER_V ? 1 : 0
  const majorEnd = endOfNumber(text, start)
  const minorEnd = majorEnd === text.length ? majorEnd : endAfterDot(text, majorEnd)
  const patchEnd = minorEnd === text.length ? minorEnd : endAfterDot(text, minorEnd)
  if (patchEnd === -1) return undefined
  const major = numberIn(text, start, majorEnd)
  const minor = numberIn(text, majorEnd + 1, minorEnd)
  const patch = numberIn(text, minorEnd + 1, patchEnd)
  if (!Number.isSafeInteger(major) || !Number.isSafeInteger(minor) || !Number.isSafeInteger(patch)) return undefined
  const prerelease = patchEnd === text.length ? RELEASE : parseSuffix(text.slice(patchEnd))
  return prerelease && { major, minor, patch, prerelease }
}

/** The end of the number that starts at `start`; -1 if there is none, or it has a leading zero. */
function endOfNumber(text: string, start: number): number {
  let end = start
  while (text.charCodeAt(end) >= ZERO && text.charCodeAt(end) <= NINE) end += 1
  if (end === start || (end - start > 1 && text.charCodeAt(start) === ZERO)) return -1
  return end
}

/** The end of the number after a dot at `at`; -1 if there is none. */
function endAfterDot(text: string, at: number): number {
  return text.charCodeAt(at) === DOT ? endOfNumber(text, at + 1) : -1
}

/** The value of the digits from `start` to `end`; 0 if there are none. */
function numberIn(text: string, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at += 1) value = value * 10 + (text.charCodeAt(at) - ZERO)
  return value
}

/** A prerelease and build metadata, each of identifiers separated by dots. */
const SUFFIX = /^(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/

function parseSuffix(suffix: string): SemanticVersion['prerelease'] | undefined {
  const match = SUFFIX.exec(suffix)
  if (match?.[1] === undefined) return match ? RELEASE : undefined
  const identifiers = match[1].split('.').map((text) => (/^\d+$/.test(text) ? parseNumber(text) : text))
  const valid = identifiers.filter((identifier) => identifier !== undefined)
  return valid.length === identifiers.length ? valid : undefined
}

function parseNumber(digits: string): number | undefined {
  return endOfNumber(digits, 0) !== -1 && Number.isSafeInteger(Number(digits)) ? Number(digits) : undefined
}

/** The order of two versions: negative, 0 or positive (semver.org §11). */
export function compareVersions(left: SemanticVersion, right: SemanticVersion): number {
  const difference = left.major - right.major || left.minor - right.minor || left.patch - right.patch
  if (difference !== 0 || left.prerelease === right.prerelease) return difference
  return comparePrereleases(left.prerelease, right.prerelease)
}

function comparePrereleases(left: SemanticVersion['prerelease'], right: SemanticVersion['prerelease']): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index += 1) {
    const order = compareIdentifiers(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  return left.length - right.length
}

/** Numbers are lower than texts. */
function compareIdentifiers(left: string | number, right: string | number): number {
  if (left === right) return 0
  if (typeof left !== typeof right) return typeof left === 'number' ? -1 : 1
  return left < right ? -1 : 1
}
