import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { RULE_DEPTH_MAX, RULE_NODES_MAX } from '../../../src/flag/definition.ts'
import { answerOf } from '../../support/flag-set.ts'

const nested = (depth: number): unknown => {
  let rule: unknown = true
  for (let level = 1; level < depth; level += 1) rule = { '!': [rule] }
  return rule
}
const detailsOf = (rule: unknown, context = {}, segments = {}): string => {
  const answer = answerOf(rule, context, segments)
  return answer.reason === 'ERROR' ? `${answer.errorCode}: ${answer.errorDetails}` : answer.reason
}
const TOO_DEEP = `PARSE_ERROR: Rule nests deeper than ${RULE_DEPTH_MAX}`
const TOO_LARGE = `PARSE_ERROR: Rule has more than ${RULE_NODES_MAX} nodes`

test('a rule may nest up to the maximum depth and no deeper', () => {
  assert.equal(detailsOf({ if: [nested(RULE_DEPTH_MAX - 1), 'b'] }), 'TARGETING_MATCH')
  assert.equal(detailsOf({ if: [nested(RULE_DEPTH_MAX), 'b'] }), TOO_DEEP)
  assert.equal(detailsOf({ if: [nested(200_000), 'b'] }), TOO_DEEP)
  let list: unknown = []
  for (let depth = 0; depth < 200_000; depth += 1) list = [list]
  assert.equal(detailsOf({ if: [list, 'b'] }), TOO_DEEP)
  assert.equal(detailsOf({ in: [{ var: 'x' }, [list]] }), TOO_DEEP)
})

test('a rule may have the maximum of nodes and no more; a plain list is one', () => {
  assert.equal(detailsOf({ if: Array(RULE_NODES_MAX - 1).fill('b') }), 'TARGETING_MATCH')
  assert.equal(detailsOf({ if: Array(RULE_NODES_MAX).fill('b') }), TOO_LARGE)
  const emails = Array.from({ length: 50_000 }, (_, index) => `${index}@example.com`)
  assert.equal(
    detailsOf({ if: [{ in: [{ var: 'email' }, emails] }, 'b'] }, { email: '49999@example.com' }),
    'TARGETING_MATCH',
  )
})

test('segments count with all their references', () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 60 }, (_, level) => [
      `s${level}`,
      { and: [{ $ref: `s${level + 1}` }, { $ref: `s${level + 1}` }] },
    ]),
  )
  const segments = { ...doubling, s60: { '!!': [1] } }
  assert.equal(detailsOf({ if: [{ $ref: 's0' }, 'b'] }, {}, segments), TOO_LARGE)
  assert.equal(detailsOf({ if: [{ $ref: 's55' }, 'b'] }, {}, segments), 'TARGETING_MATCH')

  const chain = Object.fromEntries(
    Array.from({ length: 5000 }, (_, level) => [`s${level}`, { '!': [{ $ref: `s${level + 1}` }] }]),
  )
  assert.equal(detailsOf({ if: [{ $ref: 's0' }, 'b'] }, {}, { ...chain, s5000: true }), TOO_DEEP)
})

test('circular segments fail when they are reached', () => {
  const segments = {
    a: { and: [{ $ref: 'b' }] },
    b: { or: [{ $ref: 'a' }] },
    c: { $ref: 'c' },
    d: { '!!': [{ $ref: 'a' }] },
    e: true,
  }
  for (const name of ['a', 'b', 'c', 'd']) {
    assert.equal(
      detailsOf({ if: [{ $ref: name }, 'b'] }, {}, segments),
      `PARSE_ERROR: Segment "${name}" leads back to itself`,
    )
    assert.equal(detailsOf({ if: [true, 'b', { $ref: name }] }, {}, segments), 'TARGETING_MATCH')
  }
  assert.equal(detailsOf({ if: [{ $ref: 'e' }, 'b'] }, {}, segments), 'TARGETING_MATCH')
  for (const name of ['toString', '__proto__', 'f'])
    assert.equal(detailsOf({ if: [{ $ref: name }, 'b'] }, {}, segments), `PARSE_ERROR: Unknown segment "${name}"`)
  assert.equal(detailsOf({ if: [{ $ref: 1 }, 'b'] }), 'PARSE_ERROR: Unknown operator "$ref"')
})

const items = { items: Array.from({ length: 1000 }, (_, index) => index) }
const each = (body: unknown) => ({ map: [{ var: 'items' }, body] })
const long = 'a'.repeat(400_000)
/** {"reduce": …} from `start` over each item. */
const grow = (body: unknown, start: unknown) => ({ reduce: [{ var: 'items' }, body, start] })
const twice = [{ var: 'accumulator' }, { var: 'accumulator' }]
const list = Array(50_000).fill(1)

/** Rules and contexts designed to be slow. Without a limit, each would take seconds to years. */
const HOSTILE: readonly (readonly [name: string, rule: unknown, context: Record<string, unknown>])[] = [
  ['loops in loops', { all: [items.items, { some: [items.items, { none: [items.items, { '==': [1, 2] }] }] }] }, {}],
  ['a text that doubles', { '!!': [grow({ cat: twice }, 'ab')] }, items],
  ['a text that doubles by a list', { '!!': [grow({ cat: [twice] }, 'ab')] }, items],
  ['a list that doubles', { '!!': [grow({ merge: twice }, [1])] }, items],
  ['a list of lists, as text', { cat: [grow([twice], [1])] }, items],
  ['a list of lists, as text in parts', { cat: [grow(twice, [1])] }, { items: items.items.slice(0, 40) }],
  [
    'a list of lists, as seed',
    { fractional: [{ cat: [grow(twice, [1])] }, ['a']] },
    { items: items.items.slice(0, 40) },
  ],
  [
    'long texts compared',
    grow({ '==': [{ var: 'current.x' }, { var: 'current.y' }] }, 0),
    { items: Array(1000).fill({ x: `${long}b`, y: `${long}c` }) },
  ],
  [
    'long texts ordered',
    grow({ '<': [{ var: 'current.x' }, { var: 'current.y' }] }, 0),
    { items: Array(1000).fill({ x: `${long}b`, y: `${long}c` }) },
  ],
  [
    'long texts as numbers',
    grow({ '+': [{ var: 'current' }, 1] }, 0),
    { items: Array(1000).fill('0'.repeat(400_000)) },
  ],
  [
    'searches in long texts',
    { in: [{ var: 'part' }, { var: 'text' }] },
    { part: `b${'a'.repeat(100_000)}`, text: long },
  ],
  ['searches in long lists', each({ in: [1, { var: '' }] }), { items: Array(1000).fill(Array(100_000).fill(0)) }],
  ['long texts cut', grow({ substr: [{ var: 'current' }, 1] }, 0), { items: Array(1000).fill(`😀${long}`) }],
  ['long texts hashed', grow({ fractional: [{ var: 'current' }, ['a']] }, 0), { items: Array(1000).fill(long) }],
  ['long paths', grow({ var: { var: 'current' } }, 0), { items: Array(1000).fill('.'.repeat(400_000)) }],
  ['many paths', grow({ missing: { var: 'current' } }, 0), { items: Array(1000).fill(Array(1000).fill('x')) }],
  ['many numbers', grow({ max: { var: 'current' } }, 0), { items: Array(10_000).fill(list) }],
  ['many parts', grow({ merge: { var: 'current' } }, 0), { items: Array(10_000).fill(list) }],
]

for (const [name, rule, context] of HOSTILE)
  test(`an evaluation ends: ${name}`, () => {
    const start = performance.now()
    const answer = detailsOf(rule, context)
    // About 10 ms on an idle machine; the limit is a hundred times that for a busy one.
    assert.ok(performance.now() - start < 1000, `${performance.now() - start} ms`)
    assert.match(answer, /^(GENERAL: |DEFAULT)/)
  })
