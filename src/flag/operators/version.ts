import { type Compiler, type Expression, isScalar, type Operator } from '../rules/expression.ts'

type Test = (left: Version, right: Version) => boolean

/** What `sem_ver` can ask: orders, `^` for the same major and `~` for the same major and minor version. */
export const VERSION_TESTS: ReadonlyMap<unknown, Test> = new Map<string, Test>([
  ['=', (left, right) => compareVersions(left, right) === 0],
  ['!=', (left, right) => compareVersions(left, right) !== 0],
  ['<', (left, right) => compareVersions(left, right) < 0],
  ['<=', (left, right) => compareVersions(left, right) <= 0],
  ['>', (left, right) => compareVersions(left, right) > 0],
  ['>=', (left, right) => compareVersions(left, right) >= 0],
  ['^', (left, right) => left.major === right.major],
  ['~', (left, right) => left.major === right.major && left.minor === right.minor],
])

/** `sem_ver`: `[version, test, version]`; null unless there are exactly three operands and all make sense. */
export const semVer: Operator = (operands, compiler) => {
  if (operands.length !== 3) return () => null
  const [first, asked, second] = operands
  const left = compileVersion(first, compiler)
  const test = compiler.compile(asked)
  const right = compileVersion(second, compiler)
  const known = VERSION_TESTS.get(asked)
  if (known !== undefined) return compareBy(known, left, right)
  if (isScalar(asked)) return () => null
  return (data, frame) => {
    const found = VERSION_TESTS.get(test(data, frame))
    return found === undefined ? null : compareBy(found, left, right)(data, frame)
  }
}

type Versions = (...operands: Parameters<Expression>) => Version | undefined

function compareBy(test: Test, left: Versions, right: Versions): Expression {
  return (data, frame) => {
    const first = left(data, frame)
    const second = right(data, frame)
    return first === undefined || second === undefined ? null : test(first, second)
  }
}

/** A version that stands in the rule is parsed once, here. */
function compileVersion(operand: unknown, compiler: Compiler): Versions {
  const part = compiler.compile(operand)
  if (!isScalar(operand)) return (data, frame) => versionOf(part(data, frame))
  const version = versionOf(operand)
  return () => version
}

function versionOf(value: unknown): Version | undefined {
  if (typeof value === 'string') return parseVersion(value)
  return typeof value === 'number' ? parseVersion(String(value)) : undefined
}

/** A semantic version (https://semver.org). Build metadata is not kept: it has no place in the order. */
export type Version = {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** The identifiers after "-"; empty for a release. */
  readonly prerelease: readonly (string | number)[]
}

const RELEASE: readonly never[] = []
/** Longer texts are no versions; npm's limit. */
const LENGTH_MAX = 256
const DOT = 46
const ZERO = 48
const NINE = 57
const UPPER_V = 86
const LOWER_V = 118

/**
 * Parses `1`, `1.2`, `1.2.3`, with "v" or "V" before it and, after all three numbers, `-pre.1` and `+build`.
 * As golang.org/x/mod/semver, which flagd uses: no spaces, no leading zeros, nothing after a partial version.
 * Undefined for anything else, and for numbers above 2^53 − 1.
 */
export function parseVersion(text: string): Version | undefined {
  if (text.length > LENGTH_MAX) return undefined
  const first = text.charCodeAt(0)
  const start = first === LOWER_V || first === UPPER_V ? 1 : 0
  const majorEnd = endOfNumber(text, start)
  if (majorEnd === -1) return undefined
  const major = numberIn(text, start, majorEnd)
  if (majorEnd === text.length) return toVersion(major, 0, 0)
  const minorEnd = endAfterDot(text, majorEnd)
  if (minorEnd === -1) return undefined
  const minor = numberIn(text, majorEnd + 1, minorEnd)
  if (minorEnd === text.length) return toVersion(major, minor, 0)
  const patchEnd = endAfterDot(text, minorEnd)
  if (patchEnd === -1) return undefined
  const release = toVersion(major, minor, numberIn(text, minorEnd + 1, patchEnd))
  return release && patchEnd < text.length ? parseTail(release, text.slice(patchEnd)) : release
}

/** Where the number that starts at `start` ends; -1 when there is none, or one with a leading zero. */
function endOfNumber(text: string, start: number): number {
  let end = start
  while (isDigit(text.charCodeAt(end))) end += 1
  if (end === start || (end - start > 1 && text.charCodeAt(start) === ZERO)) return -1
  return end
}

/** Where the number after the dot at `at` ends; -1 when there is none. */
function endAfterDot(text: string, at: number): number {
  return text.charCodeAt(at) === DOT ? endOfNumber(text, at + 1) : -1
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}

/** The value of digits, without a text of them. */
function numberIn(text: string, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at += 1) value = value * 10 + (text.charCodeAt(at) - ZERO)
  return value
}

function toVersion(major: number, minor: number, patch: number): Version | undefined {
  if (!Number.isSafeInteger(major) || !Number.isSafeInteger(minor) || !Number.isSafeInteger(patch)) return undefined
  return { major, minor, patch, prerelease: RELEASE }
}

function parseTail(release: Version, tail: string): Version | undefined {
  const plus = tail.indexOf('+')
  if (
    plus !== -1 &&
    !tail
      .slice(plus + 1)
      .split('.')
      .every(isIdentifier)
  )
    return undefined
  const before = plus === -1 ? tail : tail.slice(0, plus)
  if (before === '') return release
  const prerelease = before.startsWith('-') ? before.slice(1).split('.').map(parseIdentifier) : []
  const valid = prerelease.filter((identifier) => identifier !== undefined)
  return valid.length > 0 && valid.length === prerelease.length ? { ...release, prerelease: valid } : undefined
}

function parseIdentifier(text: string): string | number | undefined {
  if (!isIdentifier(text)) return undefined
  if (!/^[0-9]+$/.test(text)) return text
  return endOfNumber(text, 0) !== -1 && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

function isIdentifier(text: string): boolean {
  return /^[0-9A-Za-z-]+$/.test(text)
}

/** The order of two versions: negative, 0 or positive (semver.org §11). */
export function compareVersions(left: Version, right: Version): number {
  const difference = left.major - right.major || left.minor - right.minor || left.patch - right.patch
  if (difference !== 0) return difference
  if (left.prerelease === right.prerelease) return 0
  return comparePrereleases(left.prerelease, right.prerelease)
}

function comparePrereleases(left: Version['prerelease'], right: Version['prerelease']): number {
  if (left.length === 0 || right.length === 0) return right.length - left.length
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index += 1) {
    const order = compareIdentifiers(left[index] ?? '', right[index] ?? '')
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareIdentifiers(left: string | number, right: string | number): number {
  if (left === right) return 0
  if (typeof left === 'number') return typeof right === 'number' ? left - right : -1
  if (typeof right === 'number') return 1
  return left < right ? -1 : 1
}
