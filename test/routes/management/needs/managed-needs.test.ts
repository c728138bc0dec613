import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { type Listening, openListening } from '../../../support/listening.ts'
import { ADMIN_KEY } from '../../../support/service.ts'

// Prerequisites among flags that another system manages: what is wrong is refused by itself.

const MANAGED = `/managers/${encodeURIComponent('kubernetes:shop/production')}`

let it: Listening
let made = 0
let path: string
before(async () => {
  it = await openListening()
})
beforeEach(async () => {
  made += 1
  path = (await it.environment(`needed-${made}`)).path
})
after(() => it.close())

async function call(method: string, target: string, body?: unknown) {
  const response = await fetch(`${it.address}${path}${target}`, {
    method,
    headers: { 'x-api-key': ADMIN_KEY, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer: any = await response.json().catch(() => undefined)
  return { status: response.status, body: answer }
}
async function apply(flags: object, query = '', segments?: object) {
  const body = { flags, ...(segments && { $evaluators: segments }) }
  const result = await call('PUT', `${MANAGED}${query}`, body)
  assert.equal(result.status, 200, JSON.stringify(result.body))
  const refused = result.body.refused.map(({ pointer, detail }: any) => `${pointer}: ${detail}`)
  return { ...result.body, refused }
}
const stored = async () => (await call('GET', '/flagset?portable=false')).body
const keys = async () => Object.keys((await stored()).flags)

const PRUNE = '?prune=true'
const flag = (more: object = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  ...more,
})
const needing = (...needed: string[]) =>
  flag({ flagstaff: { rule: { if: [true, 'on'] }, needs: needed.map((key) => ({ flag: key, variants: ['on'] })) } })
const COMPUTED = flag({ targeting: { var: 'variant' } })

test('flags that need each other arrive together', async () => {
  const result = await apply({ c: needing('b'), b: needing('a'), a: flag() })
  assert.deepEqual([result.refused, result.managed], [[], 3])
  assert.deepEqual(Object.keys((await stored()).$evaluators), ['fs.flag.a', 'fs.flag.b'])
})

test('a rule that cannot be needed is refused by itself, and the flags that need it keep the one before', async () => {
  await apply({ a: flag(), b: needing('a') })
  const result = await apply({ a: COMPUTED, b: needing('a'), fine: flag() })
  assert.equal(result.refused.length, 1, result.refused)
  assert.match(result.refused[0], /^\/flags\/a\/targeting\/var: .*needed by "b"/)
  assert.deepEqual([result.created, result.updated, result.managed], [['fine'], [], 3])
  assert.deepEqual((await stored()).flags.a, flag())
})

test('a rule that cannot be needed because of its segment is refused, although only others need it', async () => {
  const segments = { odd: { reduce: [[1], { var: 'current' }, 0] } }
  await call('PUT', '/flags/b', flag())
  await apply({ a: flag() }, '', segments)
  await call('PUT', '/flags/b', needing('a'))
  const result = await apply({ a: flag({ targeting: { $ref: 'odd' } }), fine: flag() }, '', segments)
  assert.equal(result.refused.length, 1, result.refused)
  assert.match(result.refused[0], /^\/flags\/a\/targeting: At \/\$evaluators\/odd/)
  assert.deepEqual([result.created, (await stored()).flags.a], [['fine'], flag()])
})

test('a needed flag is not removed while a flag needs it, and goes with that one', async () => {
  await apply({ a: flag(), mine: needing('a'), other: flag() })
  await call('PUT', '/flags/theirs', needing('a'))
  const kept = await apply({ fine: flag() }, PRUNE)
  assert.deepEqual(kept.refused, ['/flags/a: Flag "a" is needed by flag "theirs"'])
  assert.deepEqual([kept.removed, kept.managed, await keys()], [['mine', 'other'], 2, ['a', 'theirs', 'fine']])
  await call('DELETE', '/flags/theirs')
  assert.deepEqual([(await apply({ fine: flag() }, PRUNE)).removed, await keys()], [['a'], ['fine']])
})

test('what a refused flag leaves behind is refused as well, and nothing else', async () => {
  await apply({ a: flag(), b: needing('a') })
  const result = await apply({
    a: flag({ variants: { yes: true, off: false } }),
    b: flag({ targeting: { nope: 1 } }),
    d: needing('c'),
    c: needing('new'),
    new: COMPUTED,
    lost: needing('gone'),
    fine: needing('steady'),
    steady: flag(),
  })
  assert.deepEqual([result.created, result.updated], [['fine', 'steady'], []])
  assert.deepEqual(result.refused.map((text: string) => text.split(':')[0]).toSorted(), [
    '/flags/a/variants',
    '/flags/b/targeting/nope',
    '/flags/c/flagstaff/needs/0/flag',
    '/flags/d/flagstaff/needs/0/flag',
    '/flags/lost/flagstaff/needs/0/flag',
    '/flags/new/targeting/var',
  ])
  assert.deepEqual(await keys(), ['a', 'b', 'fine', 'steady'])
})

test('prerequisites that lead back are refused at the flag that changes, whoever has the others', async () => {
  await call('PUT', '/flags/x', flag())
  await apply({ a: flag() })
  await call('PUT', '/flags/x', needing('a'))
  const result = await apply({ a: needing('x'), fine: flag() })
  assert.deepEqual([result.refused.length, result.created], [1, ['fine']])
  assert.match(result.refused[0], /^\/flags\/a\/flagstaff\/needs\/0\/flag: Prerequisites lead back/)
})

test('a segment that makes a needed rule unfit is refused', async () => {
  const fine = { odd: { if: [true, 'on'] } }
  await apply({ a: flag({ targeting: { $ref: 'odd' } }), b: needing('a') }, '', fine)
  const before = (await stored()).$evaluators
  const result = await apply({ a: flag({ targeting: { $ref: 'odd' } }), b: needing('a'), c: flag() }, '', {
    odd: { reduce: [[1], { var: 'current' }, 0] },
  })
  assert.deepEqual([result.refused.length, result.created], [1, ['c']])
  assert.match(result.refused[0], /^\/\$evaluators\/odd/)
  assert.deepEqual((await stored()).$evaluators, before)
})
