import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkValueSchema, type ValueSchema } from '../../../../src/flag/check/value-schema.ts'
import { checkValues } from '../../../../src/repository/postgres/values/check-values.ts'

const BANNER: ValueSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  required: ['title'],
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 20 },
    color: { enum: ['red', 'green'] },
    links: { type: 'array', maxItems: 2, items: { $ref: '#/$defs/link' } },
  },
  additionalProperties: false,
  $defs: { link: { type: 'object', required: ['href'], properties: { href: { type: 'string' } } } },
}
const check = (value: unknown, schema = BANNER) => checkValues({ variants: { on: value } }, schema, '/flags/banner')

test('a value that matches has no mistakes', () => {
  assert.deepEqual(checkValueSchema(BANNER).mistakes, [])
  assert.deepEqual(check({ title: 'Sale', color: 'red', links: [{ href: '/sale' }] }), [])
})

for (const [value, pointers] of [
  [{}, ['/flags/banner/variants/on']],
  [{ title: '' }, ['/flags/banner/variants/on/title']],
  [{ title: 'Sale', color: 'blue' }, ['/flags/banner/variants/on/color']],
  [
    { title: 'Sale', links: [{ href: 1 }, {}] },
    ['/flags/banner/variants/on/links/0/href', '/flags/banner/variants/on/links/1'],
  ],
  [{ title: 'Sale', 'a/b': 1 }, ['/flags/banner/variants/on/a~1b']],
  [{ title: 'Sale', constructor: 1 }, ['/flags/banner/variants/on/constructor']],
] as const)
  test(`the mistakes of ${JSON.stringify(value)} are at ${pointers}`, () =>
    assert.deepEqual(
      check(value).map(({ pointer }) => pointer),
      pointers,
    ))

test('the schema that was given is not changed', () => {
  const before = JSON.stringify(BANNER)
  check({ title: 'Sale' })
  assert.equal(JSON.stringify(BANNER), before)
})

test('a draft-07 schema is checked as one: beside a reference other keywords have no effect', () => {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $ref: '#/definitions/any',
    type: 'string',
    definitions: { any: true },
  }
  assert.deepEqual(checkValueSchema(schema).mistakes, [])
  assert.deepEqual(check({}, schema), [])
})

for (const [schema, pointer, message] of [
  [{ pattern: '^(a+)+$' }, '/pattern', /no bound/],
  [{ properties: { a: { patternProperties: { '(a+)+': true } } } }, '/properties/a/patternProperties', /no bound/],
  [{ format: 'email' }, '/format', /differ/],
  [{ $dynamicRef: '#x' }, '/$dynamicRef', /no keyword/],
  [{ $id: 'https://example.com/x' }, '/$id', /no keyword/],
  [{ $ref: 'https://example.com/x' }, '/$ref', /only "#/],
  [{ $ref: '#/$defs/none' }, '/$ref', /does not exist/],
  [{ $ref: '#/$defs/a', $defs: { a: { items: { $ref: '#/$defs/a' } } } }, '/$ref/items/$ref', /leads back to itself/],
  [{ type: 'text' }, '/type', /not one or some of/],
  [{ required: [1] }, '/required', /list of names/],
  [{ minLength: -1 }, '/minLength', /whole number/],
  [{ multipleOf: 0 }, '/multipleOf', /above 0/],
  [{ anyOf: [] }, '/anyOf', /list of schemas/],
  [{ anyOf: [1] }, '/anyOf/0', /not an object/],
  [{ $schema: 'https://example.com' }, '/$schema', /there are/],
  [{ enum: 'a' }, '/enum', /not a list/],
  [{ properties: [] }, '/properties', /object of schemas/],
] as const)
  test(`the schema ${JSON.stringify(schema)} is refused at ${pointer}`, () => {
    const { mistakes } = checkValueSchema(schema)
    assert.equal(mistakes[0]?.pointer, pointer)
    assert.match(mistakes[0]?.message ?? '', message)
  })

test('references that double with each step are refused by the number of parts, at once', () => {
  const names = Array.from({ length: 28 }, (_, at) => at)
  const $defs = Object.fromEntries(
    names.map((at) => [
      `d${at}`,
      at === 27 ? true : { allOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }] },
    ]),
  )
  const { mistakes } = checkValueSchema({ $ref: '#/$defs/d0', $defs })
  assert.match(mistakes[0]?.message ?? '', /more than 5000 parts|nests deeper/)
})

test('a schema that nests too deep is refused', () => {
  let schema: object = {}
  for (let depth = 0; depth < 100; depth += 1) schema = { items: schema }
  assert.match(checkValueSchema(schema).mistakes[0]?.message ?? '', /nests deeper than 30/)
})

test('a value too large for its schema is refused, not checked', () => {
  const schema = { items: { anyOf: Array.from({ length: 1_000 }, (_, at) => ({ const: at })) } }
  const [mistake] = check(
    Array.from({ length: 10_000 }, () => -1),
    schema,
  )
  assert.match(mistake?.message ?? '', /too large to be checked/)
})
