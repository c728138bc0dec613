import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EXPIRIES,
  type Expiry,
  expiresAt,
  grantableRoles,
  type Key,
  keyState,
} from '../../../../src/console/pages/keys/keys.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const key = (ends: Partial<Pick<Key, 'revokedAt' | 'expiresAt'>>): Key => ({
  id: '7b0a6f0e-55ab-4a53-9e1b-2f4f3c7d9a10',
  name: 'web',
  role: 'client',
  environment: { project: 'shop', environment: 'production' },
  createdBy: 'ada',
  createdAt: '2026-11-01T00:00:00Z',
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
  ...ends,
})
const choice = (name: Expiry['name']): Expiry => EXPIRIES.find((each) => each.name === name) ?? EXPIRIES[0]

for (const [ends, expected] of [
  [{}, 'usable'],
  [{ expiresAt: '2026-11-29T12:00:01Z' }, 'usable'],
  [{ expiresAt: '2026-11-29T12:00:00Z' }, 'expired'],
  [{ expiresAt: '2026-11-01T00:00:00Z', revokedAt: '2026-11-02T00:00:00Z' }, 'revoked'],
] as const)
  test(`keyState() of ${JSON.stringify(ends)} is ${expected}`, () => assert.equal(keyState(key(ends), NOW), expected))

test('expiresAt() counts days from now, and is null for a key that never ends', () => {
  assert.equal(expiresAt(choice('30'), '', NOW), '2026-12-29T12:00:00.000Z')
  assert.equal(expiresAt(choice('never'), '', NOW), null)
})

test('expiresAt() lets a key work until the chosen day is over', () => {
  const end = new Date(expiresAt(choice('day'), '2026-12-24', NOW) ?? '')
  assert.deepEqual([end.getDate(), end.getHours(), end.getMinutes()], [24, 23, 59])
  end.setMilliseconds(end.getMilliseconds() + 1)
  assert.equal(end.getDate(), 25)
})

test('expiresAt() is undefined while no day is chosen', () =>
  assert.equal(expiresAt(choice('day'), '', NOW), undefined))

for (const [role, expected] of [
  [undefined, 'client server viewer editor admin'],
  ['admin', 'client server viewer editor admin'],
  ['editor', 'client server'],
  ['viewer', ''],
] as const)
  test(`grantableRoles() of ${role ?? 'trial mode'}: ${expected || 'none'}`, () => {
    const roles = grantableRoles(role).map((each) => each.role)
    assert.equal(roles.join(' '), expected)
  })
