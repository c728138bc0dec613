import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDefinition, checkSegments, checkShape } from '../../../src/flag/check/definition.ts'
import { readDocument } from '../../../src/flag/check/document.ts'
import { ruled } from '../../support/flag-set.ts'

const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const list = (mistakes: readonly { pointer: string; message: string }[]) =>
  mistakes.map(({ pointer, message }) => `${pointer}: ${message}`)
const nested = (depth: number) => {
  let value: unknown = 1
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}
const long = 'k'.repeat(257)
const huge = 2 ** 53

const DOCUMENTS: readonly (readonly [document: unknown, mistakes: readonly string[]])[] = [
  [{ flags: {} }, []],
  [{ $schema: 'https://flagd.dev/schema/v0/flagd.json', flags: [{ key: 'a', ...flag }] }, []],
  [{ $schema: 'https://flagd.dev/schema/v0/flags.json', flags: [] }, ['/flags: Flags are a list, not an object']],
  [null, [': Document is null, not an object']],
  [{}, ['/flags: Flags are missing, not an object']],
  [{ flags: {}, flagz: 1, _comment: 'x', $schema: { any: 'thing' } }, []],
  [
    { flags: {}, note: 'n'.repeat(70_000) },
    [': Members other than flags, $evaluators and metadata have 70011 characters, more than 65536'],
  ],
  [{ flags: { 'a/b~c': 1 } }, ['/flags/a~1b~0c: Flag is 1, not an object']],
  [{ flags: { '': flag } }, ['/flags/: Flag key is empty']],
  [
    { flags: { '.': flag, '..': flag } },
    ['/flags/.: Flag key "." is not allowed', '/flags/..: Flag key ".." is not allowed'],
  ],
  [
    { flags: JSON.parse(`{"__proto__": ${JSON.stringify(flag)}}`) },
    ['/flags/__proto__: Flag key "__proto__" is not allowed'],
  ],
  [{ flags: { [long]: flag } }, [`/flags/${long}: Flag key "${'k'.repeat(58)}… has 257 characters, more than 256`]],
  [
    {
      flags: [
        { key: 'a', ...flag },
        { key: 'a', ...flag },
      ],
    },
    ['/flags/1: Flag "a" is there twice'],
  ],
  [
    { flags: [flag, 1] },
    [
      '/flags/0: Flag key is missing, not a text',
      '/flags/1: Flag key is missing, not a text',
      '/flags/1: Flag is 1, not an object',
    ],
  ],
  [
    { flags: {}, metadata: { a: null, b: [] } },
    [
      '/metadata/a: Metadata is null, not a text, number or boolean',
      '/metadata/b: Metadata is a list, not a text, number or boolean',
    ],
  ],
  [{ flags: {}, metadata: 'x' }, ['/metadata: Metadata is "x", not an object']],
  [{ flags: {}, $evaluators: [] }, ['/$evaluators: Segments are a list, not an object']],
  [{ flags: {}, $evaluators: { '': 1 } }, ['/$evaluators/: Segment name is empty']],
  [
    { flags: { a: { ...flag, variants: { n: huge } } } },
    [`/flags/a/variants/n: Number ${huge} cannot be kept exactly`],
  ],
  [{ flags: {}, metadata: { n: Number.POSITIVE_INFINITY } }, ['/metadata/n: Number Infinity cannot be kept exactly']],
  [{ flags: { a: { ...flag, variants: { n: huge - 1, m: -0.5 } } } }, []],
  [
    { flags: { a: { ...flag, variants: { on: { deep: ['\ud800'], '\udc00': 1 } }, note: 'x\ud800' } } },
    [
      '/flags/a/variants/on/deep/0: Text "\\ud800" is not well-formed',
      '/flags/a/variants/on/\udc00: Name "\\udc00" is not well-formed text',
      '/flags/a/note: Text "x\\ud800" is not well-formed',
    ],
  ],
  [nested(100), [': Document is a list, not an object']],
  [nested(101), [`${'/0'.repeat(100)}: Document nests deeper than 100`]],
  [nested(1_000_000), [`${'/0'.repeat(100)}: Document nests deeper than 100`]],
  [
    { flags: Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [index, flag])) },
    ['/flags: Document has 20001 flags, more than 20000'],
  ],
]

for (const [document, mistakes] of DOCUMENTS)
  test(`readDocument() reports: ${mistakes.join('; ').slice(0, 100) || 'no mistake'}`, () =>
    assert.deepEqual(list(readDocument(document).mistakes), mistakes))

const DIGITS: readonly (readonly [number: string, mistake: string | undefined])[] = [
  ['9007199254740991', undefined],
  ['-9007199254740991', undefined],
  ['9007199254740991.0', undefined],
  ['0.1', undefined],
  ['9007199254740993', '9007199254740993'],
  ['-9007199254740993', '-9007199254740993'],
  ['9007199254740993.0', '9007199254740993.0'],
  ['12345678901234567890123', '12345678901234567890123'],
  ['1e400', '1e400'],
  ['-1E+400', '-1E+400'],
  [`1${'0'.repeat(400)}`, `1${'0'.repeat(58)}…`],
]
for (const [number, digits] of DIGITS)
  test(`readDocument() reports for the number ${number.slice(0, 30)}: ${digits?.slice(0, 30) ?? 'no mistake'}`, () => {
    const text = `{"flags":{"a":{"state":"ENABLED","variants":{"n":${number}},"defaultVariant":"n"}}}`
    const expected = digits === undefined ? [] : [`/flags/a/variants/n: Number ${digits} cannot be kept exactly`]
    assert.deepEqual(list(readDocument(JSON.parse(text), text).mistakes), expected)
  })

test('readDocument() refuses a document that nests too deep for the stack, whatever numbers it contains', () => {
  const text = `${'['.repeat(200_000)}1e400${']'.repeat(200_000)}`
  assert.deepEqual(list(readDocument(JSON.parse(text), text).mistakes), [
    `${'/0'.repeat(100)}: Document nests deeper than 100`,
  ])
})

test('readDocument() returns flags, segments and metadata as written, with unknown members of flags', () => {
  const a = { ...flag, note: { kept: [1] } }
  const members = { $schema: 'https://flagd.dev/schema/v0/flags.json', _comment: ['kept'] }
  const { source } = readDocument({
    ...members,
    flags: { a },
    $evaluators: { s: { var: 'x' } },
    metadata: { owner: 'b' },
  })
  assert.deepEqual(source, {
    flags: new Map([['a', a]]),
    segments: { s: { var: 'x' } },
    metadata: { owner: 'b' },
    members,
  })
  assert.deepEqual(readDocument({ flags: [{ key: 'a', ...a }] }).source.flags, new Map([['a', a]]))
})

const DEFINITIONS: readonly (readonly [definition: unknown, mistakes: readonly string[]])[] = [
  [flag, []],
  [{ ...flag, defaultVariant: null, targeting: null }, []],
  [{ ...flag, defaultVariant: '', targeting: {} }, []],
  [{ ...flag, state: 'on' }, ['/state: State is "on", not "ENABLED" or "DISABLED"']],
  [{ state: 'ENABLED' }, ['/variants: Variants are missing, not an object']],
  [{ ...flag, defaultVariant: 1 }, ['/defaultVariant: Default variant is 1, not a text or null']],
  [{ ...flag, defaultVariant: 'toString' }, ['/defaultVariant: Default variant "toString" is no variant']],
  [{ ...flag, variants: {}, defaultVariant: null }, ['/variants: Flag has no variants']],
  [
    { ...flag, variants: { on: true, 'a/b': 1 } },
    ['/variants/a~1b: Variant is of type number, unlike the first, of type boolean'],
  ],
  [{ ...flag, variants: { on: [] } }, ['/variants/on: Variant is a list, not a boolean, text, number or object']],
  [{ ...flag, variants: { on: true, '': false } }, ['/variants/: Variant name is empty']],
  [{ ...flag, metadata: { a: {} } }, ['/metadata/a: Metadata is an object, not a text, number or boolean']],
  [{ ...flag, targeting: 'on' }, ['/targeting: Targeting is "on", not a rule']],
]

for (const [definition, mistakes] of DEFINITIONS)
  test(`checkDefinition() reports: ${mistakes.join('; ') || 'no mistake'}`, () =>
    assert.deepEqual(list(checkDefinition(definition, {})), mistakes))

/** Rules, with the pointer below /targeting. */
const RULES: readonly (readonly [rule: object, mistakes: readonly string[]])[] = [
  [{ strats_with: ['a', 'b'] }, ['/strats_with: Unknown operator "strats_with"']],
  [{ if: [true, 'b', { log: 'x' }] }, ['/if/2/log: Unknown operator "log"']],
  [{ toString: 1 }, ['/toString: Unknown operator "toString"']],
  [{ if: [{ a: 1, b: 2 }, 'b'] }, ['/if/0: Rule must have exactly one operator, and has "a", "b"']],
  [{ if: [{}, 'b'] }, ['/if/0: Rule must have exactly one operator, and has none']],
  [{ '/': [{ var: 'x' }] }, ['/~1: Operator "/" takes 2 operands, and has 1']],
  [{ '!': [] }, ['/!: Operator "!" takes 1 operand, and has 0']],
  [{ '<': [1, 2, 3, 4] }, ['/<: Operator "<" takes 2 to 3 operands, and has 4']],
  [{ if: [] }, ['/if: Operator "if" takes 1 or more operands, and has 0']],
  [
    { '!': { var: '$flagd.name' } },
    ['/!/var: Unknown property "$flagd.name": there are "$flagd.flagKey" and "$flagd.timestamp"'],
  ],
  [
    { var: ['$flagd.x', 1] },
    ['/var/0: Unknown property "$flagd.x": there are "$flagd.flagKey" and "$flagd.timestamp"'],
  ],
  [{ var: ['$flagd.flagKey'] }, []],
  [{ var: '$flagd' }, []],
  [{ missing: ['a', 1] }, ['/missing/1: Path is 1, not a text']],
  [{ missing: { merge: ['a', ['b']] } }, []],
  [
    { missing_some: ['1', ['a', 2]] },
    ['/missing_some/0: Number of paths is "1", not a number', '/missing_some/1/1: Path is 2, not a text'],
  ],
  [{ starts_with: [{ var: 'a' }, 1] }, ['/starts_with/1: Operand is 1, not a text']],
  [{ sem_ver: ['1.0', '^', { var: 'v' }] }, []],
  [
    { sem_ver: ['1.0.0.0', '^', 1] },
    ['/sem_ver/0: Operand is "1.0.0.0", not a semantic version', '/sem_ver/2: Operand is 1, not a semantic version'],
  ],
  [
    {
      fractional: [
        ['a', 2_147_483_647],
        ['b', 1],
      ],
    },
    ['/fractional: Sum of the weights is 2147483648, more than 2147483647'],
  ],
  [
    {
      fractional: [
        ['a', 2_147_483_646],
        ['b', 1],
      ],
    },
    [],
  ],
  [{ fractional: [{ var: 'x' }] }, ['/fractional: Fractional has no variants']],
  [{ fractional: ['x', ['a']] }, ['/fractional/0: Bucketing value is "x", not a rule']],
  [{ fractional: [['a'], 'b'] }, ['/fractional/1: Share is "b", not [variant, weight] or [variant]']],
  [
    { fractional: [['a', 0.5], ['b', -1], [['c'], 1], []] },
    [
      '/fractional/0/1: Weight is 0.5, not a whole number from 0',
      '/fractional/1/1: Weight is -1, not a whole number from 0',
      '/fractional/2/0: Variant is a list, not a name',
      '/fractional/3: Share is a list, not [variant, weight] or [variant]',
    ],
  ],
  [
    {
      fractional: [
        [{ if: [1, 'a'] }, { '-': [1] }],
        ['b', { nope: 1 }],
      ],
    },
    ['/fractional/1/1/nope: Unknown operator "nope"'],
  ],
  [{ if: [{ $ref: 'gone' }, 'b'] }, ['/if/0: Segment "gone" does not exist']],
  [{ if: [{ $ref: 'loop' }, 'b'] }, ['/if/0: Segment "loop" leads back to itself']],
  [{ if: [{ $ref: 'staff' }, 'b'] }, []],
  [{ in: [{ var: 'email' }, { $ref: 'people' }] }, []],
  [{ if: [{ '!': nested(200_000) }, 'b'] }, [': Rule nests deeper than 100']],
  [{ or: Array(10_000).fill(1) }, [': Rule has more than 10000 nodes']],
  [{ or: Array(2500).fill({ $ref: 'staff' }) }, [': Rule has more than 10000 nodes']],
]
const SEGMENTS = {
  staff: { '==': [{ var: 'role' }, 'staff'] },
  people: ['a@b.c'],
  loop: { '!': { $ref: 'pool' } },
  pool: { '!': { $ref: 'loop' } },
}

for (const [rule, mistakes] of RULES)
  test(`checkDefinition() reports for a rule: ${mistakes.join('; ').slice(0, 100) || JSON.stringify(rule)}`, () =>
    assert.deepEqual(
      list(checkDefinition(ruled(rule), SEGMENTS, '/flags/f')),
      mistakes.map((mistake) => `/flags/f/targeting${mistake}`),
    ))

test('checkSegments() finds mistakes in shared rules', () => {
  assert.deepEqual(list(checkSegments(SEGMENTS)), [
    '/$evaluators/loop/!: Segment "pool" leads back to itself',
    '/$evaluators/pool/!: Segment "loop" leads back to itself',
  ])
  assert.deepEqual(list(checkSegments({ 'a/b': { nope: 1 } })), ['/$evaluators/a~1b/nope: Unknown operator "nope"'])
  assert.deepEqual(list(checkSegments([])), ['/$evaluators: Segments are a list, not an object'])
})

test('checkShape() returns what can be stored, valid or not', () => {
  const odd = ruled({ nope: 1 })
  assert.deepEqual(checkShape(odd), { definition: odd, mistakes: [] })
  assert.equal(checkShape({ state: 'on' }).definition, undefined)
  assert.deepEqual(list(checkShape({ ...flag, x: nested(98) }).mistakes), [
    `/x${'/0'.repeat(97)}: Document nests deeper than 100`,
  ])
})
