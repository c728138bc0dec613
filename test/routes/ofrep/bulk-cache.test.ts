import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import type { AppDependencies } from '../../../src/app.ts'
import type { Snapshot } from '../../../src/cache/snapshots.ts'
import type { Evaluation } from '../../../src/flag/evaluate.ts'
import { BulkCache } from '../../../src/routes/ofrep/bulk-cache.ts'
import { type Document, ofrepOver, snapshotOf } from '../../support/ofrep.ts'

const state = 'ENABLED'
const byPlan = { if: [{ '==': [{ var: 'plan' }, 'paid'] }, 'on', 'off'] }
const PLAN = { state, variants: { on: true, off: false }, defaultVariant: 'off', targeting: byPlan }
const SHOP: Document = {
  flags: { plan: PLAN, still: { state, variants: { on: true }, defaultVariant: 'on' } },
}

let counted: string[]
let seconds: number
let snapshot: Snapshot
let app: ReturnType<typeof ofrepOver>
/** The number of evaluations that were counted for cached responses. */
let repeated: number

function serve(document: Document, dependencies: Partial<AppDependencies> = {}): void {
  snapshot = snapshotOf('shop/live', document)
  counted = []
  repeated = 0
  seconds = 1_700_000_000
  const note = (evaluation: Evaluation) => counted.push(`${evaluation.key} ${evaluation.reason}`)
  app = ofrepOver(
    {},
    {
      ...dependencies,
      current: () => snapshot,
      now: () => seconds * 1_000,
      count: note,
      countAll: (evaluations) => {
        repeated += 1
        for (const evaluation of evaluations) note(evaluation)
      },
    },
  )
}
beforeEach(() => serve(SHOP))

async function evaluateAll(
  context: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; etag: string; text: string }> {
  const response = await app.request('/ofrep/v1/evaluate/flags', {
    method: 'POST',
    headers: { authorization: 'Bearer shop/live', ...headers },
    body: JSON.stringify({ context }),
  })
  return { status: response.status, etag: response.headers.get('etag') ?? '', text: await response.text() }
}
/** Sends the requests of a polling client: three, with the ETag of the previous response. */
async function poll(context: object, headers: Record<string, string> = {}): Promise<void> {
  const { etag } = await evaluateAll(context, headers)
  for (let times = 0; times < 3; times += 1)
    assert.equal((await evaluateAll(context, { ...headers, 'if-none-match': etag })).status, 304)
}

test('repeated requests are answered from the cache, and counted each time', async () => {
  await poll({ plan: 'paid' })
  assert.equal(repeated, 2)
  assert.deepEqual(counted, Array(4).fill(['plan TARGETING_MATCH', 'still STATIC']).flat())
})

test('requests with another context, selector or time are evaluated separately', async () => {
  await poll({ plan: 'paid' })
  const { etag } = await evaluateAll({ plan: 'paid' })
  assert.equal((await evaluateAll({ plan: 'free' }, { 'if-none-match': etag })).status, 200)
  assert.equal(
    (await evaluateAll({ plan: 'paid' }, { 'if-none-match': etag, 'flagd-selector': 'source=x' })).status,
    200,
  )
  seconds += 1
  assert.equal((await evaluateAll({ plan: 'paid' }, { 'if-none-match': etag })).status, 304)
  assert.equal(repeated, 3)
  assert.equal((await evaluateAll({ plan: 'paid' }, { 'if-none-match': '"another"' })).status, 200)
  assert.equal((await evaluateAll({ plan: 'paid' })).status, 200)
})

test('the ETag covers the metadata that a selector adds to a response', async () => {
  const named = { 'flagd-selector': 'flagSetId=shop/live' }
  const [plain, selected] = [await evaluateAll({ plan: 'paid' }), await evaluateAll({ plan: 'paid' }, named)]
  assert.notEqual(selected.text, plain.text)
  assert.notEqual(selected.etag, plain.etag)
  assert.equal((await evaluateAll({ plan: 'paid' }, { ...named, 'if-none-match': plain.etag })).status, 200)
  assert.equal((await evaluateAll({ plan: 'paid' }, { ...named, 'if-none-match': selected.etag })).status, 304)
})

test('a change is visible at once, even if the values stay the same', async () => {
  await poll({ plan: 'paid' })
  const { etag } = await evaluateAll({ plan: 'paid' })
  snapshot = snapshotOf('shop/live', { flags: { ...SHOP.flags, still: { ...PLAN } } })
  assert.equal((await evaluateAll({ plan: 'paid' }, { 'if-none-match': etag })).status, 200)
  snapshot = snapshotOf('shop/live', SHOP)
  repeated = 0
  assert.equal((await evaluateAll({ plan: 'paid' }, { 'if-none-match': etag })).status, 304)
  assert.equal(repeated, 0)
})

for (const [what, targeting] of [
  ['the time', { if: [{ '>': [{ var: '$flagd.timestamp' }, 1_700_000_001] }, 'on', 'off'] }],
  ['the time, by a path with empty steps', { if: [{ '>': [{ var: '.$flagd..timestamp' }, 1_700_000_001] }, 'on'] }],
  ['the time, by a path from the context', { if: [{ '>': [{ var: { var: 'path' } }, 1_700_000_001] }, 'on', 'off'] }],
  ['the time, in a segment', { if: [{ $ref: 'later' }, 'on', 'off'] }],
] as const)
  test(`a rule that reads ${what} is evaluated each time`, async () => {
    serve({
      $evaluators: { later: { '>': [{ var: '$flagd.timestamp' }, 1_700_000_001] } },
      flags: { plan: { ...PLAN, targeting } },
    })
    const context = { path: '$flagd.timestamp' }
    await poll(context)
    const { etag } = await evaluateAll(context)
    seconds += 1
    assert.equal((await evaluateAll(context, { 'if-none-match': etag })).status, 304)
    seconds += 1
    assert.equal((await evaluateAll(context, { 'if-none-match': etag })).status, 200)
    assert.equal(repeated, 0)
  })

test('a rule that reads the key of its flag is cached', async () => {
  const by = { cat: [{ var: '$flagd.flagKey' }, { var: 'email' }] }
  serve({ flags: { plan: { ...PLAN, targeting: { fractional: [by, ['on', 50], ['off', 50]] } } } })
  await poll({ email: 'ada@example.com' })
  assert.equal(repeated, 2)
})

test('a response with a failed evaluation is evaluated each time', async () => {
  serve({ flags: { ...SHOP.flags, broken: { ...PLAN, targeting: { var: 'variant' } } } })
  await poll({ variant: 'none' })
  assert.equal(repeated, 0)
})

test('BulkCache stores no more than its bound, and nothing of an older snapshot', () => {
  const repeats = new BulkCache(100)
  const ground = { snapshot: snapshotOf('shop/live', SHOP), streams: undefined }
  const given = { etag: '"e"', evaluations: [] }
  for (let at = 0; at < 50; at += 1) repeats.store(ground, `question ${String(at).padStart(2, '0')}`, given)
  const kept = Array.from({ length: 50 }, (_, at) =>
    repeats.find(ground, `question ${String(at).padStart(2, '0')}`),
  ).filter((found) => found !== undefined).length
  assert.ok(kept > 0 && kept * 'question 00'.length <= 100, `${kept} are kept`)
  repeats.store(ground, 'x'.repeat(101), given)
  assert.equal(repeats.find(ground, 'x'.repeat(101)), undefined)
  const next = { ...ground, snapshot: snapshotOf('shop/live', SHOP) }
  repeats.store(next, 'question', given)
  assert.equal(repeats.find(ground, 'question 49'), undefined)
  assert.equal(repeats.find(next, 'question'), given)
  assert.equal(repeats.find({ ...next, streams: [] }, 'question'), undefined)
})
