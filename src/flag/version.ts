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
  const numbers = [0, 0, 0]
  let at = first === LOWER_V || first === UPPER_V ? 1 : 0
  for (let part = 0; part < 3; part += 1) {
    const end = endOfNumber(text, at)
    if (end === -1) return undefined
    numbers[part] = Number(text.slice(at, end))
    if (end === text.length) return toVersion(numbers, RELEASE)
    if (part === 2) return parseTail(numbers, text.slice(end))
    if (text.charCodeAt(end) !== DOT) return undefined
    at = end + 1
  }
  return undefined
}

/** Where the number that starts at `start` ends; -1 when there is none, or one with a leading zero. */
function endOfNumber(text: string, start: number): number {
  let end = start
  while (isDigit(text.charCodeAt(end))) end += 1
  if (end === start || (end - start > 1 && text.charCodeAt(start) === ZERO)) return -1
  return end
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}

function toVersion(numbers: readonly number[], prerelease: Version['prerelease']): Version | undefined {
  const [major = 0, minor = 0, patch = 0] = numbers
  if (!Number.isSafeInteger(major) || !Number.isSafeInteger(minor) || !Number.isSafeInteger(patch)) return undefined
  return { major, minor, patch, prerelease }
}

function parseTail(numbers: readonly number[], tail: string): Version | undefined {
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
  if (before === '') return toVersion(numbers, RELEASE)
  const prerelease = before.startsWith('-') ? before.slice(1).split('.').map(parseIdentifier) : []
  const valid = prerelease.filter((identifier) => identifier !== undefined)
  return valid.length > 0 && valid.length === prerelease.length ? toVersion(numbers, valid) : undefined
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
