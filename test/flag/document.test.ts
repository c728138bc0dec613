import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import { readDocument } from '../../src/flag/check.ts'
import { documentOf, portableDocumentOf } from '../../src/flag/document.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { isPortableName } from '../../src/flag/portable.ts'
import { NOW, ruled } from '../support/flag-set.ts'

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
    // Before what it refers to, as flagd's one pass over the segments does not expect.
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

test('documentOf() hands back what was read, with members that mean nothing here', () => {
  assert.deepEqual(documentOf(source), DOCUMENT)
  assert.equal(documentOf({ ...source, members: {} }).$schema, 'https://flagd.dev/schema/v0/flags.json')
})

test('portableDocumentOf() has no reference within segments, nor one that flagd does not find', () => {
  const { $evaluators, flags } = portableDocumentOf(source)
  assert.equal(JSON.stringify($evaluators).includes('$ref'), false)
  assert.equal(Object.hasOwn($evaluators || {}, 'one'), false)
  assert.deepEqual(flags['staff'], DOCUMENT.flags['staff' as keyof typeof DOCUMENT.flags])
  for (const [, name] of JSON.stringify(flags).matchAll(/\{"\$ref":"([^}]*)"\}/g))
    assert.ok(isPortableName(name ?? ''), name)
})

test('portableDocumentOf() leaves circles and unknown names as they are', () => {
  const document = {
    flags: { a: uses('loop'), b: uses('gone') },
    $evaluators: { loop: { '!': { $ref: 'pool' } }, pool: { '!': { $ref: 'loop' } } },
  }
  const read = readDocument(document).source
  assert.deepEqual(portableDocumentOf(read).flags, document.flags)
  assert.deepEqual(portableDocumentOf(read).$evaluators, document.$evaluators)
})

for (const mode of ['compiled', 'interpreted'] as const)
  test(`flagd-core (${mode}) loads a portable document and answers the same`, () => {
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
