import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSeeds } from '../../../src/flag/check/seeds.ts'

const email = { var: 'email' }
const seeded = (...seed: unknown[]) => ({ fractional: [{ cat: seed }, ['a', 1], ['b', 1]] })
const split = seeded({ var: '$flagd.flagKey' }, email)

for (const [what, rule, places] of [
  ['an attribute', split, ['/fractional/0/cat/1']],
  ['two attributes', seeded(email, { var: ['plan'] }), ['/fractional/0/cat/0', '/fractional/0/cat/1']],
  ['the targeting key', seeded('salt', { var: 'targetingKey' }), ['/fractional/0/cat/1']],
  ['the one operand of cat', { fractional: [{ cat: email }, ['a', 1]] }, ['/fractional/0/cat']],
  ['an attribute with a default', seeded({ var: ['email', ''] }), []],
  ['an attribute with null for a default', seeded({ var: ['email', null] }), ['/fractional/0/cat/0']],
  ['no attribute', seeded('salt', { var: '$flagd.flagKey' }), []],
  ['no seed', { fractional: [['a', 1]] }, []],
  ['an attribute alone, which is not a text when missing', { fractional: [email, ['a', 1]] }, []],
  ['a guarded attribute', { if: [email, split, null] }, []],
  ['one that is guarded by and', { and: [email, { '==': [split, 'a'] }] }, []],
  ['one that is guarded among others', { if: [{ and: [{ '!!': [email] }, { var: 'beta' }] }, split] }, []],
  ['one that is guarded by its absence', { if: [{ '!': email }, null, split] }, []],
  ['one that is not missing', { if: [{ missing: ['email', 'plan'] }, null, split] }, []],
  ['one that is not null', { if: [{ '!=': [email, null] }, split] }, []],
  ['one that is null', { if: [{ '==': [email, null] }, split, 'a'] }, ['/if/1/fractional/0/cat/1']],
  ['one that ends with a text', { if: [{ ends_with: [email, '@x.y'] }, split] }, []],
  ['one that is in a list', { if: [{ in: [email, ['a@x.y']] }, split] }, []],
  ['one that is in a list with null', { if: [{ in: [email, [null]] }, split] }, ['/if/1/fractional/0/cat/1']],
  ['another than the guarded', { if: [{ var: 'plan' }, split] }, ['/if/1/fractional/0/cat/1']],
  ['one behind the guard', { if: [email, 'a', split] }, ['/if/2/fractional/0/cat/1']],
  ['one behind either of two guards', { if: [{ or: [email, { var: 'x' }] }, split] }, ['/if/1/fractional/0/cat/1']],
  ['one in the variant of another', { fractional: [['a'], [split, 1]] }, ['/fractional/1/0/fractional/0/cat/1']],
  ['an item of a list', { map: [{ var: 'list' }, split] }, []],
] as const)
  test(`checkSeeds() of ${what}: ${places.length === 0 ? 'valid' : places.join(', ')}`, () =>
    assert.deepEqual(
      checkSeeds(rule, '').map(({ pointer }) => pointer),
      places,
    ))

test('checkSeeds() returns advice, and handles rules of any depth', () => {
  assert.equal(
    checkSeeds(split, '/targeting')[0]?.message,
    'Engines differ where "email" is missing: guard the attribute, as in {"if": [{"var": "email"}, {"fractional": …}]}',
  )
  let deep: unknown = split
  for (let level = 0; level < 100_000; level += 1) deep = { '!': deep }
  assert.deepEqual(checkSeeds(deep, ''), [])
})
