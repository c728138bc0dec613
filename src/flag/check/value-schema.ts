import { isRecord, type JsonRecord } from '../definition.ts'
import { type Mistake, pointerTo, shorten } from '../error.ts'

/** The JSON Schema of a flag's values. */
export type ValueSchema = JsonRecord

/** Parts of a schema, each counted where it is referred to. */
export const SCHEMA_PARTS_MAX = 5_000
const SCHEMA_DEPTH_MAX = 30
const DRAFTS = [
  'http://json-schema.org/draft-07/schema',
  'https://json-schema.org/draft/2019-09/schema',
  'https://json-schema.org/draft/2020-12/schema',
]
const TYPES = ['null', 'boolean', 'object', 'array', 'number', 'integer', 'string']

/**
 * Finds why a JSON Schema is not accepted. Only keywords whose check takes a time that the sizes of schema and value bound are: no expressions
 * (`pattern`, `format`), no references that lead back to themselves or elsewhere. `parts` is the size of the schema.
 */
export function checkValueSchema(
  schema: unknown,
  pointer = '',
): { readonly mistakes: readonly Mistake[]; readonly parts: number } {
  const checker = new SchemaChecker(schema)
  checker.check(schema, { pointer, depth: 0, references: [] })
  return { mistakes: checker.mistakes, parts: checker.parts }
}

type SchemaPlace = { readonly pointer: string; readonly depth: number; readonly references: readonly string[] }
/** Checks the value of one keyword. Returns what is wrong with it. */
type KeywordCheck = (value: unknown, place: SchemaPlace, checker: SchemaChecker) => string | undefined

class SchemaChecker {
  readonly mistakes: Mistake[] = []
  parts = 0
  readonly #root: unknown

  constructor(root: unknown) {
    this.#root = root
  }

  check(schema: unknown, place: SchemaPlace): void {
    if (!this.count(1, place) || typeof schema === 'boolean') return
    if (!isRecord(schema)) this.#report(place, `Schema is ${shorten(schema)}, not an object, true or false`)
    else if (place.depth > SCHEMA_DEPTH_MAX) this.#report(place, `Schema nests deeper than ${SCHEMA_DEPTH_MAX}`)
    else for (const [keyword, value] of Object.entries(schema)) this.#checkKeyword(keyword, value, place)
  }

  /** Adds parts; false, with one mistake, if there are too many. */
  count(parts: number, place: SchemaPlace): boolean {
    if (this.parts > SCHEMA_PARTS_MAX) return false
    this.parts += parts
    if (this.parts > SCHEMA_PARTS_MAX)
      this.#report(place, `Schema has more than ${SCHEMA_PARTS_MAX} parts, each counted where it is referred to`)
    return this.parts <= SCHEMA_PARTS_MAX
  }

  /** Checks what a reference leads to, as often as it is used. */
  follow(reference: string, place: SchemaPlace): string | undefined {
    const [, group = '', name = ''] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? []
    if (name === '') return `is ${shorten(reference)}: only "#/$defs/<name>" is accepted`
    if (place.references.includes(reference)) return `is ${shorten(reference)}, which leads back to itself`
    const definitions = isRecord(this.#root) ? this.#root[group] : undefined
    const key = name.replaceAll('~1', '/').replaceAll('~0', '~')
    if (!isRecord(definitions) || !Object.hasOwn(definitions, key))
      return `is ${shorten(reference)}, which does not exist`
    this.check(definitions[key], { ...place, depth: place.depth + 1, references: [...place.references, reference] })
    return undefined
  }

  #checkKeyword(keyword: string, value: unknown, place: SchemaPlace): void {
    const own = { ...place, pointer: place.pointer + pointerTo(keyword), depth: place.depth + 1 }
    const check = KEYWORDS.get(keyword)
    if (check === undefined) {
      const reason = REFUSED.get(keyword) ?? 'is no keyword that is accepted'
      this.#report(own, `${shorten(keyword)} ${reason}`)
      return
    }
    const wrong = check(value, own, this)
    if (wrong !== undefined) this.#report(own, `${shorten(keyword)} ${wrong}`)
  }

  #report({ pointer }: SchemaPlace, message: string): void {
    if (this.mistakes.length < MISTAKES_MAX) this.mistakes.push({ pointer, message })
  }
}

const MISTAKES_MAX = 100

const REFUSED: ReadonlyMap<string, string> = new Map([
  [
    'pattern',
    'is not accepted: the time that an expression takes has no bound. Use "enum", "minLength" and "maxLength"',
  ],
  ['patternProperties', 'is not accepted: the time that an expression takes has no bound. Use "propertyNames"'],
  ['format', 'is not accepted: validators differ in what they check'],
  ['uniqueItems', 'is not accepted: it takes a time that grows with the square of the value'],
])

const anything: KeywordCheck = (value, place, checker) => {
  checker.count(partsOf(value), place)
  return undefined
}
const schema: KeywordCheck = (value, place, checker) => {
  checker.check(value, place)
  return undefined
}
const schemas: KeywordCheck = (value, place, checker) => {
  if (!Array.isArray(value) || value.length === 0) return `is ${shorten(value)}, not a list of schemas`
  for (const [index, item] of value.entries()) checker.check(item, { ...place, pointer: `${place.pointer}/${index}` })
  return undefined
}
const schemaMap: KeywordCheck = (value, place, checker) => {
  if (!isRecord(value)) return `is ${shorten(value)}, not an object of schemas`
  for (const [name, item] of Object.entries(value))
    checker.check(item, { ...place, pointer: place.pointer + pointerTo(name) })
  return undefined
}
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0
const whole: KeywordCheck = (value) => (isWhole(value) ? undefined : `is ${shorten(value)}, not a whole number from 0`)
const number: KeywordCheck = (value) => (typeof value === 'number' ? undefined : `is ${shorten(value)}, not a number`)
const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === 'string')
const names: KeywordCheck = (value, place, checker) => {
  if (!isNames(value)) return `is ${shorten(value)}, not a list of names`
  checker.count(partsOf(value), place)
  return undefined
}

const each = (keywords: string, check: KeywordCheck): [string, KeywordCheck][] =>
  keywords.split(' ').map((keyword) => [keyword, check])

const KEYWORDS: ReadonlyMap<string, KeywordCheck> = new Map([
  ...each('title description $comment default examples deprecated readOnly writeOnly const', anything),
  ...each('items additionalProperties propertyNames contains not if then else', schema),
  ...each('allOf anyOf oneOf prefixItems', schemas),
  ...each('properties dependentSchemas $defs definitions', schemaMap),
  ...each('minLength maxLength minItems maxItems minProperties maxProperties minContains maxContains', whole),
  ...each('minimum maximum exclusiveMinimum exclusiveMaximum', number),
  ...each('required', names),
  [
    'multipleOf',
    (value) => (typeof value === 'number' && value > 0 ? undefined : `is ${shorten(value)}, not a number above 0`),
  ],
  [
    'enum',
    (value, place, checker) =>
      Array.isArray(value) ? anything(value, place, checker) : `is ${shorten(value)}, not a list`,
  ],
  ['type', (value) => (isType(value) ? undefined : `is ${shorten(value)}, not one or some of ${TYPES.join(', ')}`)],
  [
    '$schema',
    (value) =>
      typeof value === 'string' && DRAFTS.includes(value.replace(/#$/, ''))
        ? undefined
        : `is ${shorten(value)}: there are ${DRAFTS.join(', ')}`,
  ],
  [
    'dependentRequired',
    (value, place, checker) =>
      isRecord(value) && Object.values(value).every(isNames)
        ? anything(value, place, checker)
        : `is ${shorten(value)}, not an object of lists of names`,
  ],
  [
    '$ref',
    (value, place, checker) =>
      typeof value === 'string' ? checker.follow(value, place) : `is ${shorten(value)}, not a text`,
  ],
])

const isType = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 && value.every(isType) : TYPES.some((type) => type === value)

/** Values in a JSON value, itself included. Not recursive: a stored value may nest deeper than the call stack. */
export function partsOf(value: unknown): number {
  let parts = 0
  const pending = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    parts += 1
    if (typeof next === 'object' && next !== null) for (const inner of Object.values(next)) pending.push(inner)
  }
  return parts
}
