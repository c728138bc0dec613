import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isPlaceIn } from '../fuzz/target.ts'
import { type Listening, openListening } from '../support/listening.ts'
import { ADMIN_KEY } from '../support/service.ts'

// Errors that repeat what a client sent: a small request must not get a large response (CWE-405).

const TEST = '/api/v1/projects/shop/environments/test'
/** A hundred mistakes of two thousand characters each. */
const RESPONSE_LENGTH_MAX = 250_000

let it: Listening
before(async () => {
  it = await openListening()
  await it.environment('shop')
})
after(() => it.close())

const NAME = 'x/~'.repeat(80_000)
const WRONG = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`m${n}`, { deep: [n] }]))

for (const [method, path, body] of [
  ['PUT', `${TEST}/flagset?dryRun=true`, { flags: { [NAME]: { metadata: WRONG, [NAME]: 1 } }, metadata: WRONG }],
  ['POST', `${TEST}/explain`, { flags: [NAME], [NAME]: NAME }],
  ['POST', '/api/v1/keys', { name: NAME, role: NAME, [NAME]: 1 }],
] as const)
  test(`an error of ${method} ${path} about very long names is short, and names a place that is there`, async () => {
    const response = await fetch(it.address + path, {
      method,
      headers: { 'x-api-key': ADMIN_KEY, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    assert.equal(response.status, 400)
    assert.ok(text.length < RESPONSE_LENGTH_MAX, `${text.length} characters`)
    const { errors, detail } = JSON.parse(text)
    assert.ok(errors.length > 0 && detail.length < 2_000)
    for (const { pointer } of errors) assert.ok(isPlaceIn(body, pointer), pointer)
  })
