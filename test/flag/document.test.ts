import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import { readDocument } from '../../src/flag/check/document.ts'
import type { Definition } from '../../src/flag/definition.ts'
import { documentOf, isPortableName, portableDocumentOf, providerFormOf } from '../../src/flag/document.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { flagSetOf, NOW, ruled } from '../support/flag-set.ts'

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
const uses = (name: string) => ruled({ if: [{ $ref: name }, 'b', null] })
const NAMES = [
  'staff',
  'nested',
  'deep',
  'a"b',
  'a\\b',
  'a<b',
  'a&b',
  'money',
  'list',
  'a.b',
  'günther',
  'line\n',
  '\u2028',
]
const DOCUMENT = {
  $schema: 'https://flagd.dev/schema/v0/flagd.json',
  _comment: 'kept',
  flags: {
    ...Object.fromEntries(NAMES.map((name) => [name, uses(name)])),
    short: ruled({ if: [{ '==': [{ $ref: 'one' }, 1] }, 'b'] }),
    people: ruled({ if: [{ in: [{ var: 'email' }, { $ref: 'people' }] }, 'b'] }),
    nothing: ruled(null),
  },
  $evaluators: {
    // Precedes its reference, which flagd's single pass over the segments does not support.
    deep: { and: [{ $ref: 'nested' }, { $ref: 'a"b' }] },
    nested: { or: [{ $ref: 'staff' }, false] },
    staff: { ends_with: [{ var: 'email' }, '@example.com'] },
    money: { in: ["$& $$ $' $`", [{ cat: ['$', '& $$ ', "$' $`"] }]] },
    list: ['not empty'],
    people: ['ada@example.com'],
    one: 1,
    ...Object.fromEntries(
      ['a"b', 'a\\b', 'a<b', 'a&b', 'a.b', 'günther', 'line\n', '\u2028'].map((name) => [
        name,
        { '!!': [{ var: 'email' }] },
      ]),
    ),
  },
  metadata: { owner: 'team' },
}
const { source, mistakes } = readDocument(DOCUMENT)
assert.deepEqual(mistakes, [])

test('documentOf() returns the original document, with members that have no meaning here', () => {
  assert.deepEqual(documentOf(source), DOCUMENT)
  assert.equal(documentOf({ ...source, members: {} }).$schema, 'https://flagd.dev/schema/v0/flags.json')
})

test('portableDocumentOf() has no reference within segments, nor one that flagd cannot resolve', () => {
  const { $evaluators, flags } = portableDocumentOf(source)
  assert.equal(JSON.stringify($evaluators).includes('$ref'), false)
  assert.equal(Object.hasOwn($evaluators || {}, 'one'), false)
  assert.deepEqual(flags['staff'], DOCUMENT.flags['staff' as keyof typeof DOCUMENT.flags])
  for (const [, name] of JSON.stringify(flags).matchAll(/\{"\$ref":"([^}]*)"\}/g))
    assert.ok(isPortableName(name ?? ''), name)
})

test('portableDocumentOf() does not change circular and unknown references', () => {
  const document = {
    flags: { a: uses('loop'), b: uses('gone') },
    $evaluators: { loop: { '!': { $ref: 'pool' } }, pool: { '!': { $ref: 'loop' } } },
  }
  const read = readDocument(document).source
  assert.deepEqual(portableDocumentOf(read).flags, document.flags)
  assert.deepEqual(portableDocumentOf(read).$evaluators, document.$evaluators)
})

for (const mode of ['compiled', 'interpreted'] as const)
  test(`flagd-core (${mode}) loads a portable document and gives the same results`, () => {
    const options = { disableDynamicCodeGeneration: mode === 'interpreted' }
    const core = new FlagdCore(undefined, silent, options)
    core.setConfigurations(JSON.stringify(portableDocumentOf(source)))
    const set = compileFlagSet({ ...source, bucketing: 'v2' })
    for (const context of [{}, { email: 'ada@example.com' }, { email: 'eve@example.org' }])
      for (const key of Object.keys(DOCUMENT.flags)) {
        const ours = evaluateKey(set, key, context, NOW, 'string')
        const theirs = core.resolveStringEvaluation(key, '', context, silent)
        assert.equal('value' in ours ? ours.value : ours.reason, theirs.value, `${key} ${JSON.stringify(theirs)}`)
      }
  })

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
    'inlines segments, including those within segments and lists',
    { if: [{ $ref: 'a' }, 'b'] },
    { a: { or: [{ $ref: 'b' }] }, b: true },
    { if: [{ or: [true] }, 'b'] },
  ],
  ['keeps an unknown segment', { if: [{ $ref: 'x' }, 'b'] }, {}, { if: [{ $ref: 'x' }, 'b'] }],
  ['keeps an inherited name', { if: [{ $ref: 'toString' }, 'b'] }, {}, { if: [{ $ref: 'toString' }, 'b'] }],
  [
    'keeps a $ref with other members',
    { if: [{ $ref: 'a', b: 1 }, 'b'] },
    { a: true },
    { if: [{ $ref: 'a', b: 1 }, 'b'] },
  ],
  ['keeps a circular rule', { if: [{ $ref: 'a' }, 'b'] }, { a: { or: [{ $ref: 'a' }] } }, { if: [{ $ref: 'a' }, 'b'] }],
  ['keeps null, for which other providers return DEFAULT as well', null, {}, null],
] as const)
  test(`providerFormOf() ${what}`, () => assert.deepEqual(form(targeting, $evaluators), expected))

test('providerFormOf() keeps a rule that doubles with each segment, instead of inlining it', () => {
  const $evaluators: Record<string, unknown> = { s0: { var: 'a'.repeat(200) } }
  for (let index = 1; index < 30; index++)
    $evaluators[`s${index}`] = { or: [{ $ref: `s${index - 1}` }, { $ref: `s${index - 1}` }] }
  assert.deepEqual(form({ if: [{ $ref: 's29' }, 'b'] }, $evaluators), { if: [{ $ref: 's29' }, 'b'] })
})

test('providerFormOf() inlines a long list of a segment', () => {
  const emails = Array.from({ length: 20_000 }, (_, index) => `${index}@example.com`)
  assert.equal(form({ in: [{ var: 'email' }, { $ref: 'list' }] }, { list: emails }).in[1].length, 20_000)
})

test('providerFormOf() has "" for no default, and metadata of a flag override that of the set', () => {
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

test('providerFormOf() omits a flag for which flagd-core would refuse the whole set', () => {
  const bad: Record<string, unknown> = {
    state: { state: 'on', variants: { a: 1 } },
    lost: { state: 'ENABLED', variants: { a: 1 }, defaultVariant: 'b' },
    nothing: null,
  }
  const source = { flags: new Map(Object.entries(bad) as [string, Definition][]), segments: {}, metadata: {} }
  for (const flag of compileFlagSet({ ...source, bucketing: 'v2' }).flags.values())
    assert.equal(providerFormOf(flag, {}), undefined, flag.key)
})
