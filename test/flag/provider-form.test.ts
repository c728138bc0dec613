import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition } from '../../src/flag/definition.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { providerFormOf } from '../../src/flag/provider-form.ts'
import { flagSetOf, ruled } from '../support/flag-set.ts'

const formOf = (document: Parameters<typeof flagSetOf>[0], key: string): any => {
  const { flags, segments } = flagSetOf(document)
  const flag = flags.get(key)
  assert.ok(flag)
  const text = providerFormOf(flag, segments)
  assert.equal(providerFormOf(flag, {}), text, 'written once')
  return text === undefined ? undefined : JSON.parse(text)
}
const form = (targeting: unknown, $evaluators: Record<string, unknown> = {}) =>
  formOf({ flags: { f: ruled(targeting) }, $evaluators }, 'f').targeting

for (const [what, targeting, $evaluators, expected] of [
  [
    'puts segments in, also within segments and lists',
    { if: [{ $ref: 'a' }, 'b'] },
    { a: { or: [{ $ref: 'b' }] }, b: true },
    { if: [{ or: [true] }, 'b'] },
  ],
  ['keeps an unknown segment', { if: [{ $ref: 'x' }, 'b'] }, {}, { if: [{ $ref: 'x' }, 'b'] }],
  ['keeps an inherited name', { if: [{ $ref: 'toString' }, 'b'] }, {}, { if: [{ $ref: 'toString' }, 'b'] }],
  ['keeps a $ref with company', { if: [{ $ref: 'a', b: 1 }, 'b'] }, { a: true }, { if: [{ $ref: 'a', b: 1 }, 'b'] }],
  [
    'keeps a rule that goes in a circle',
    { if: [{ $ref: 'a' }, 'b'] },
    { a: { or: [{ $ref: 'a' }] } },
    { if: [{ $ref: 'a' }, 'b'] },
  ],
  ['keeps null, which other providers answer DEFAULT for as well', null, {}, null],
] as const)
  test(`providerFormOf() ${what}`, () => assert.deepEqual(form(targeting, $evaluators), expected))

test('providerFormOf() keeps a rule that doubles with each segment, instead of writing it out', () => {
  const $evaluators: Record<string, unknown> = { s0: { var: 'a'.repeat(200) } }
  for (let index = 1; index < 30; index++)
    $evaluators[`s${index}`] = { or: [{ $ref: `s${index - 1}` }, { $ref: `s${index - 1}` }] }
  assert.deepEqual(form({ if: [{ $ref: 's29' }, 'b'] }, $evaluators), { if: [{ $ref: 's29' }, 'b'] })
})

test('providerFormOf() writes out a long list of a segment', () => {
  const emails = Array.from({ length: 20_000 }, (_, index) => `${index}@example.com`)
  assert.equal(form({ in: [{ var: 'email' }, { $ref: 'list' }] }, { list: emails }).in[1].length, 20_000)
})

test('providerFormOf() has "" for no default, and the metadata of the set under the own', () => {
  const flags = {
    f: { state: 'DISABLED', variants: { a: 1 }, defaultVariant: null, metadata: { own: true, team: 'own' } },
  }
  assert.deepEqual(formOf({ flags, metadata: { team: 'core', set: 1 } }, 'f'), {
    state: 'DISABLED',
    defaultVariant: '',
    variants: { a: 1 },
    metadata: { team: 'own', set: 1, own: true },
  })
})

test('providerFormOf() leaves out a flag for which flagd-core would refuse the whole set', () => {
  const bad: Record<string, unknown> = {
    state: { state: 'on', variants: { a: 1 } },
    lost: { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 'b' },
    nothing: null,
  }
  const source = { flags: new Map(Object.entries(bad) as [string, Definition][]), segments: {}, metadata: {} }
  for (const flag of compileFlagSet({ ...source, bucketing: 'v2' }).flags.values())
    assert.equal(providerFormOf(flag, {}), undefined, flag.key)
})
