import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ruleValue } from '../../support/rule.ts'

const inherited = Object.create({ secret: 1 }) as object

/** Cases that JSONLogic's own suite does not cover; see the table of disagreements in flagd's implementations. */
const CASES: readonly (readonly [rule: unknown, context: unknown, expected: unknown])[] = [
  // var
  [{ var: 'a..b' }, { a: { b: 1 } }, 1],
  [{ var: '.a' }, { a: 1 }, 1],
  [{ var: ['a', 2] }, { a: null }, 2],
  [{ var: ['a', { var: 'b' }] }, { b: 3 }, 3],
  [{ var: { cat: ['a', '.b'] } }, { a: { b: 4 } }, 4],
  [{ var: 'a.1' }, { a: [5, 6] }, 6],
  [{ var: 'a.2' }, { a: [5, 6] }, null],
  [{ var: 'a.length' }, { a: [5, 6] }, 2],
  [{ var: 'a.length' }, { a: 'text' }, null],
  [{ var: true }, { true: 1 }, null],
  [{ var: [['a']] }, { a: 1 }, null],
  [{ var: 'secret' }, inherited, null],
  [{ var: '__proto__' }, {}, null],
  [{ var: '__proto__.polluted' }, JSON.parse('{"__proto__":{"polluted":1}}'), 1],
  [{ var: 'constructor' }, {}, null],
  [{ var: 'a.constructor.name' }, { a: [] }, null],
  [{ var: 'hasOwnProperty' }, { hasOwnProperty: 7 }, 7],
  [{ var: 'map' }, { a: [] }, null],
  [{ map: [{ var: 'a' }, { var: 'map' }] }, { a: [[]] }, [null]],
  // $flagd
  [{ var: '$flagd.flagKey' }, { $flagd: { flagKey: 'forged' } }, 'flag'],
  [{ var: '$flagd.timestamp' }, { $flagd: 1 }, 1_750_000_000],
  [{ var: '$flagd' }, { $flagd: 'forged' }, { flagKey: 'flag', timestamp: 1_750_000_000 }],
  [{ var: '$flagd.other' }, { $flagd: { other: 'forged' } }, null],
  [{ var: '$flagd.flagKey.x' }, { $flagd: { flagKey: { x: 1 } } }, null],
  [{ var: '' }, { a: 1, $flagd: 1 }, { a: 1, $flagd: { flagKey: 'flag', timestamp: 1_750_000_000 } }],
  [{ map: [{ var: 'a' }, { var: '$flagd.flagKey' }] }, { a: [{ $flagd: { flagKey: 'own' } }, {}] }, ['own', null]],
  [{ missing: ['$flagd.flagKey', '$flagd.other'] }, {}, ['$flagd.other']],
  // missing
  [{ missing: [['a', 'b']] }, { a: 1 }, ['b']],
  [{ missing: ['a'] }, { a: '' }, []],
  [{ missing_some: [{ var: '' }, ['a']] }, {}, []],
  [{ missing_some: [1, 'a'] }, {}, []],
  // comparison
  [{ '<': [{ var: 'missing' }, 5] }, {}, true],
  [{ '>=': ['abc', 5] }, {}, false],
  [{ '<': ['abc', 5] }, {}, false],
  [{ '<': ['2024-01-02', '2024-01-10'] }, {}, true],
  [{ '<': ['10', '9'] }, {}, true],
  [{ '<': ['10', 9] }, {}, false],
  [{ '==': [null, false] }, {}, false],
  [{ '==': [null, 0] }, {}, false],
  [{ '==': [{ var: 'missing' }, null] }, {}, true],
  [{ '===': [{ var: 'missing' }, null] }, {}, true],
  [{ '==': ['', 0] }, {}, true],
  [{ '==': [true, 1] }, {}, true],
  [{ '==': [[1], 1] }, {}, false],
  [{ '==': [{ var: 'a' }, { var: 'a' }] }, { a: [1] }, true],
  [{ '==': [{ '/': [1, 0] }, 0] }, {}, false],
  [{ '!=': ['a', { var: 'missing' }] }, {}, true],
  [{ '!==': [1, '1'] }, {}, true],
  // arithmetic
  [{ '+': [{ var: 'missing' }, 1] }, {}, Number.NaN],
  [{ '+': [1, 2, { var: 'missing' }] }, {}, Number.NaN],
  [{ '+': [{ var: 'missing' }] }, {}, Number.NaN],
  [{ '+': { var: 'missing' } }, {}, Number.NaN],
  [{ '*': [{ var: 'missing' }, 2] }, {}, Number.NaN],
  [{ '-': [{ var: 'missing' }, 1] }, {}, -1],
  [{ '+': [] }, {}, 0],
  [{ '>': [{ '+': [{ var: 'missing' }, 1] }, 0] }, {}, false],
  [{ '<=': [{ '+': [{ var: 'missing' }, 1] }, 0] }, {}, false],
  [{ '+': ['abc', 1] }, {}, 1],
  [{ '+': [[5], 1] }, {}, 1],
  [{ '+': { var: 'a' } }, { a: [1, 2, 3] }, 6],
  [{ max: { var: 'a' } }, { a: [1, 3, 2] }, 3],
  [{ min: [] }, {}, null],
  [{ '-': [] }, {}, 0],
  [{ '/': [1, 0] }, {}, Number.POSITIVE_INFINITY],
  [{ '%': [1, 0] }, {}, Number.NaN],
  [{ '/': [{ var: 'missing' }, 0] }, {}, Number.NaN],
  // in
  [{ in: [{ var: 'missing' }, 'text'] }, {}, false],
  [{ in: [{ var: 'missing' }, ['a']] }, {}, false],
  [{ in: ['1', [1]] }, {}, false],
  [{ in: [1, 'a1'] }, {}, true],
  [{ in: ['a', { var: 'list' }] }, { list: ['a'] }, true],
  [{ in: ['a', { var: 'missing' }] }, {}, false],
  [{ in: ['a', ['b', { var: 'x' }]] }, { x: 'a' }, true],
  // text
  [{ cat: ['a', null, 1.5, true, [1, [2, 3]]] }, {}, 'a1.5true1,2,3'],
  [{ cat: { var: 'a' } }, { a: ['x', 'y'] }, 'xy'],
  [{ cat: [' a ', ''] }, {}, ' a '],
  [{ substr: ['a😀bc', 1, 2] }, {}, '😀b'],
  [{ substr: ['abc', -9] }, {}, 'abc'],
  [{ substr: ['abc', 9] }, {}, ''],
  [{ substr: [{ var: 'missing' }, 1] }, {}, 'ull'],
  [{ substr: [null, 0, 2] }, {}, 'nu'],
  [{ substr: [{ var: 'a' }, 1] }, { a: 123 }, '23'],
  [{ starts_with: [1, 'a'] }, {}, null],
  [{ starts_with: ['abc', 'a'] }, {}, true],
  [{ ends_with: ['abc', { var: 'end' }] }, { end: 'bc' }, true],
  [{ ends_with: ['abc', 1] }, {}, null],
  [{ ends_with: ['abc'] }, {}, null],
  // truth
  [{ '!!': [{ a: 1, b: 2 }] }, {}, true],
  [{ '!!': { var: 'a' } }, { a: {} }, false],
  [{ '!': [{ var: 'missing' }] }, {}, true],
  [{ and: [] }, {}, null],
  // lists
  [{ map: [{ var: 'a' }, 1] }, { a: { length: 2 } }, []],
  [{ reduce: [{ var: 'missing' }, 1] }, {}, null],
  [{ merge: { var: 'a' } }, { a: [[1], 2] }, [1, 2]],
  // data that looks like rules
  [{ a: 1, b: 2 }, {}, { a: 1, b: 2 }],
  [{ if: [{}, 1, 2] }, {}, 2],
]

for (const [rule, context, expected] of CASES)
  test(`${JSON.stringify(rule)} of ${JSON.stringify(context)} is ${JSON.stringify(expected)}`, () =>
    assert.deepEqual(ruleValue(rule, context), expected))

test('unknown operators fail only where they are reached', () => {
  assert.equal(ruleValue({ if: [true, 'a', { unknown: [] }] }), 'a')
  for (const name of ['unknown', 'log', 'toString', '__proto__'])
    assert.throws(() => ruleValue({ if: [false, 'a', JSON.parse(`{"${name}": []}`)] }), { code: 'PARSE_ERROR' })
})

test('no rule pollutes a prototype', () => {
  ruleValue(
    { map: [{ var: 'a' }, { var: '' }] },
    JSON.parse('{"a":[{"__proto__":{"polluted":1}}],"__proto__":{"polluted":1}}'),
  )
  ruleValue({ var: '' }, JSON.parse('{"__proto__":{"polluted":1}}'))
  assert.equal(({} as { polluted?: number }).polluted, undefined)
})
