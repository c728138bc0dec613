import type { Random } from '../support/random.ts'
import { anyJson, anyText, below, chance, objectOf, oneOf } from './values.ts'

/** The part of JSON Schema that the OpenAPI document of the management API uses. */
export type Schema = {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly minItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly format?: string
  readonly default?: unknown
}
type Parameter = { readonly in: string; readonly name: string; readonly required?: boolean; readonly schema?: Schema }
type Content = { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
type Item = { readonly parameters?: readonly Parameter[]; readonly requestBody?: Content }
export type OpenApi = { readonly paths: Readonly<Record<string, Readonly<Record<string, Item>>>> }
export type Operation = {
  readonly method: string
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly body: Schema | undefined
}

export const operationsOf = ({ paths }: OpenApi): Operation[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      body: Object.values(requestBody?.content ?? {})[0]?.schema,
    })),
  )

/** Names that exist in the fuzzed project, and some that do not. */
const KNOWN: Readonly<Record<string, readonly unknown[]>> = {
  key: ['a', 'b', 'c', 'new', 'fuzz', 'test'],
  project: ['fuzz', 'fuzz', 'fuzz', 'other'],
  environment: ['test', 'test', 'test', 'live'],
  name: ['a', 's', 'staff', 'Name'],
  defaultVariant: ['on', 'off', null],
  state: ['ENABLED', 'DISABLED'],
  role: ['client', 'server', 'viewer', 'editor'],
  variants: [
    { on: true, off: false },
    { on: 'a', off: 'b' },
  ],
  targeting: [{}, { if: [{ var: 'a' }, 'on', 'off'] }, { if: [{ $ref: 'staff' }, 'on', 'off'] }],
  flags: [['a'], { a: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' } }],
  $evaluators: [{}, { staff: { in: ['a', { var: 'email' }] } }],
  revision: [1, 2, 3],
}

/** A value of a schema; for members with known names mostly one that exists. */
export function valueFor(random: Random, schema: Schema, name = ''): unknown {
  const known = KNOWN[name]
  if (known && chance(random, 0.7)) return oneOf(random, known)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return valueFor(random, oneOf(random, choices), name)
  if (schema.allOf) return valueFor(random, Object.assign({}, ...schema.allOf), name)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return oneOf(random, schema.enum)
  const type = typeof schema.type === 'object' ? oneOf(random, schema.type) : schema.type
  if (type === 'object') return objectFrom(random, schema)
  if (type === 'array') {
    const size = (schema.minItems ?? 0) + below(random, 3)
    return Array.from({ length: size }, () => valueFor(random, schema.items ?? {}))
  }
  if (type === 'integer' || type === 'number') return numberFrom(random, schema)
  if (type === 'string') return stringFrom(random, schema)
  if (type === 'boolean') return chance(random, 0.5)
  return type === 'null' ? null : anyJson(random, 2)
}

function objectFrom(random: Random, { properties = {}, required = [], additionalProperties }: Schema): unknown {
  const entries = Object.entries(properties)
    .filter(([name]) => required.includes(name) || chance(random, 0.4))
    .map(([name, member]): [string, unknown] => [name, valueFor(random, member, name)])
  if (typeof additionalProperties === 'object')
    for (let more = below(random, 3); more > 0; more -= 1)
      entries.push([oneOf(random, ['on', 'off', 'a', 'b', anyText(random)]), valueFor(random, additionalProperties)])
  return objectOf(entries)
}

function numberFrom(random: Random, { minimum = 0, maximum = 10 }: Schema): number {
  return chance(random, 0.9) ? minimum + below(random, maximum - minimum + 1) : oneOf(random, [-1, 0.5, 1e21, 2 ** 53])
}

function stringFrom(random: Random, { pattern = '', format }: Schema): string {
  if (format === 'uuid') return '00000000-0000-4000-8000-000000000000'
  if (format === 'date-time' || pattern.includes('T')) return `20${10 + below(random, 90)}-01-01T00:00:00Z`
  if (pattern.includes('\\d')) return String(below(random, 200))
  return chance(random, 0.6) ? oneOf(random, ['a', 'b', 'fuzz', 'test', 'some text']) : anyText(random)
}
