import assert from 'node:assert/strict'
import { compareVersions, parseVersion } from '../../../src/flag/operators/version.ts'

/** What a sentence may refer to. */
export type World = {
  readonly attribute: (path: string) => unknown
  readonly now: number
  /** Whether a segment holds, and its values. */
  readonly segment: (name: string) => boolean
  readonly list: (name: string) => readonly unknown[]
  /** Whether a rule in JSON holds. */
  readonly rule: (json: string) => boolean
}

type Test = (actual: unknown, first: unknown, second: unknown) => boolean

function numberOf(value: unknown): number {
  if (typeof value === 'object' && value !== null) return Number.NaN
  return Number(value ?? 0)
}
function equal(left: unknown, right: unknown): boolean {
  if (left === null || right === null) return left === right
  return typeof left === 'string' && typeof right === 'string'
    ? left === right
    : left === right || numberOf(left) === numberOf(right)
}
function less(left: unknown, right: unknown): boolean {
  return typeof left === 'string' && typeof right === 'string' ? left < right : numberOf(left) < numberOf(right)
}
const atMost = (left: unknown, right: unknown): boolean =>
  typeof left === 'string' && typeof right === 'string' ? left <= right : numberOf(left) <= numberOf(right)
const isSet = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' && value !== null
      ? Object.keys(value).length > 0
      : Boolean(value)
function contains(value: unknown, part: unknown): boolean {
  if (Array.isArray(value)) return value.includes(part)
  return typeof value === 'string' && /^(string|number)$/.test(typeof part) && value.includes(String(part))
}
const versionTest =
  (holds: (order: number, isSameMajor: boolean, isSameMinor: boolean) => boolean): Test =>
  (actual, wanted) => {
    const [left, right] = [actual, wanted].map((each) =>
      parseVersion(typeof each === 'number' ? String(each) : typeof each === 'string' ? each : ''),
    )
    if (!left || !right) return false
    const isSameMajor = left.major === right.major
    return holds(compareVersions(left, right), isSameMajor, isSameMajor && left.minor === right.minor)
  }
const affix =
  (method: 'startsWith' | 'endsWith'): Test =>
  (actual, part) =>
    typeof actual === 'string' && typeof part === 'string' && actual[method](part)

/** Each verb with its negation, the number of its values, and its meaning. */
const VERBS: readonly (readonly [
  verb: string,
  negation: string,
  values: 0 | 1 | 'and' | 'to' | 'list' | 'segment',
  Test,
])[] = [
  ['is set', 'is not set', 0, isSet],
  ['is exactly', 'is not exactly', 1, (actual, value) => actual === value],
  ['is less than', 'is not less than', 1, less],
  ['is at most', 'is not at most', 1, atMost],
  ['is greater than', 'is not greater than', 1, (actual, value) => less(value, actual)],
  ['is at least', 'is not at least', 1, (actual, value) => atMost(value, actual)],
  ['is between', 'is not between', 'and', (actual, low, high) => less(low, actual) && less(actual, high)],
  ['is from', 'is not from', 'to', (actual, low, high) => atMost(low, actual) && atMost(actual, high)],
  ['is one of', 'is not one of', 'list', (actual, list) => (list as unknown[]).includes(actual)],
  ['is listed in', 'is not listed in', 'segment', (actual, list) => (list as unknown[]).includes(actual)],
  ['contains', 'does not contain', 1, contains],
  ['starts with', 'does not start with', 1, affix('startsWith')],
  ['ends with', 'does not end with', 1, affix('endsWith')],
  ['is version', 'is not the version', 1, versionTest((order) => order === 0)],
  ['is another version than', 'is no other version than', 1, versionTest((order) => order !== 0)],
  ['is a version before', 'is no version before', 1, versionTest((order) => order < 0)],
  ['is a version up to', 'is no version up to', 1, versionTest((order) => order <= 0)],
  ['is a version after', 'is no version after', 1, versionTest((order) => order > 0)],
  ['is a version from', 'is no version from', 1, versionTest((order) => order >= 0)],
  ['has the major version of', 'does not have the major version of', 1, versionTest((_, isSameMajor) => isSameMajor)],
  [
    'has the minor version of',
    'does not have the minor version of',
    1,
    versionTest((_, __, isSameMinor) => isSameMinor),
  ],
  ['is before', 'is not before', 1, less],
  ['is at or before', 'is not at or before', 1, atMost],
  ['is after', 'is not after', 1, (actual, value) => less(value, actual)],
  ['is at or after', 'is not at or after', 1, (actual, value) => atMost(value, actual)],
  ['is', 'is not', 1, equal],
]
const PHRASES = VERBS.flatMap(([verb, negation, values, holds]) => [
  { words: verb.split(' '), values, holds },
  { words: negation.split(' '), values, holds: ((...parts) => !holds(...parts)) as Test },
]).sort((one, other) => other.words.length - one.words.length)

/** Whether an English condition holds. Reads the sentence alone, by the grammar of English as the console writes it. */
export function holds(sentence: string, world: World): boolean {
  const reader = new Reader(sentence, world)
  const value = reader.group()
  reader.end()
  return value
}

class Reader {
  readonly #tokens: readonly string[]
  readonly #world: World
  #at = 0

  constructor(sentence: string, world: World) {
    this.#tokens = sentence.match(/"(?:\\.|[^"\\])*"|[(),]|[^\s(),"]+/g) ?? []
    this.#world = world
  }

  group(): boolean {
    const values = [this.#unit()]
    const operator = this.#peek()
    if (operator !== 'and' && operator !== 'or') return values[0] ?? false
    while (this.#take(operator)) values.push(this.#unit())
    return operator === 'and' ? values.every(Boolean) : values.some(Boolean)
  }

  end(): void {
    assert.equal(this.#peek(), undefined, `${this.#tokens.join(' ')}: more than one condition`)
  }

  #unit(): boolean {
    if (this.#take('(')) {
      const value = this.group()
      assert.ok(this.#take(')'))
      return value
    }
    if (this.#take('not')) return !this.#unit()
    if (this.#take('always')) return true
    if (this.#take('never')) return false
    if (this.#take('in', 'segment')) return this.#world.segment(this.#name())
    if (this.#take('rule')) {
      const json = this.#name()
      assert.ok(this.#take('holds'))
      return this.#world.rule(json)
    }
    return this.#clause()
  }

  #clause(): boolean {
    const isTime = this.#take('the', 'time')
    const actual = isTime ? this.#world.now : this.#attribute()
    const phrase = PHRASES.find(({ words }) => this.#take(...words))
    assert.ok(phrase, `no verb at ${this.#at} of ${this.#tokens.join(' ')}`)
    const { values, holds: test } = phrase
    if (values === 0) return test(actual, undefined, undefined)
    if (values === 'list') return test(actual, this.#list(), undefined)
    if (values === 'segment') {
      assert.ok(this.#take('segment'))
      return test(actual, this.#world.list(this.#name()), undefined)
    }
    const next = () => (isTime ? this.#moment() : this.#value())
    const first = next()
    if (values === 1) return test(actual, first, undefined)
    assert.ok(this.#take(values))
    return test(actual, first, next())
  }

  #attribute(): unknown {
    const isNamed = (word: string) => this.#take(word, 'key')
    const path = isNamed('targeting') ? 'targetingKey' : isNamed('flag') ? '$flagd.flagKey' : this.#name()
    const value = this.#world.attribute(path)
    if (!this.#take('(', 'by', 'default')) return value
    const fallback = this.#value()
    assert.ok(this.#take(')'))
    return value ?? fallback
  }

  #list(): unknown[] {
    if (this.#take('no', 'value')) return []
    const values = [this.#value()]
    while (this.#take(',')) values.push(this.#value())
    return values
  }

  #moment(): number {
    const [day, time, zone] = [this.#next(), this.#next(), this.#next()]
    assert.equal(zone, 'UTC')
    return Date.parse(`${day}T${time}Z`) / 1000
  }

  #value(): unknown {
    const token = this.#next()
    if (token === 'missing') return null
    if (token.startsWith('"') || token === 'true' || token === 'false') return JSON.parse(token)
    return /^-?[\d.]/.test(token) ? Number(token) : token
  }

  #name(): string {
    const token = this.#next()
    return token.startsWith('"') ? JSON.parse(token) : token
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]
  }

  #next(): string {
    const token = this.#peek()
    assert.ok(token !== undefined, `${this.#tokens.join(' ')} ends too early`)
    this.#at += 1
    return token
  }

  #take(...words: readonly string[]): boolean {
    const found = words.every((word, index) => this.#tokens[this.#at + index] === word)
    if (found) this.#at += words.length
    return found
  }
}
