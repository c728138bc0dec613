import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authenticator } from '../../src/cache/authenticator.ts'
import type { Principal } from '../../src/cache/key-set.ts'

const KEY = 'fs_client_abc'
const principal: Principal = { name: 'key:1', role: 'client', environment: null }
const authenticate = authenticator((secret) => (secret === KEY ? principal : undefined), undefined)
const header = (headers: Readonly<Record<string, string>>) => ({ get: (name: string) => headers[name] ?? null })

for (const authorization of [
  `Bearer ${KEY}`,
  `bearer ${KEY}`,
  `BEARER ${KEY}`,
  `Bearer   ${KEY}`,
  `Bearer ${KEY} `,
  `bearer  ${KEY}  `,
])
  test(`the key is found in "${authorization}"`, () => assert.equal(authenticate(header({ authorization })), principal))

for (const authorization of [
  KEY,
  '',
  'Bearer',
  'Bearer ',
  'Bearer  ',
  `Bearer${KEY}`,
  `Bearer ${KEY} ${KEY}`,
  `Bearer ${KEY}\t`,
  `Bearer ${KEY},`,
  `Basic ${KEY}`,
  `Bearer ${'x'.repeat(513)}`,
])
  test(`no key is found in "${authorization.slice(0, 40)}"`, () =>
    assert.throws(() => authenticate(header({ authorization })), { code: 'unauthenticated' }))

test('X-API-Key is the key if present, whatever Authorization contains', () => {
  assert.equal(authenticate(header({ 'x-api-key': ` ${KEY} ` })), principal)
  for (const authorization of ['Basic abc', 'Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln', ''])
    assert.equal(authenticate(header({ 'x-api-key': KEY, authorization })), principal, authorization)
  for (const wrong of ['wrong', ''])
    assert.throws(() => authenticate(header({ 'x-api-key': wrong, authorization: `Bearer ${KEY}` })), {
      code: 'unauthenticated',
    })
  assert.throws(() => authenticate(header({})), { code: 'unauthenticated' })
})
