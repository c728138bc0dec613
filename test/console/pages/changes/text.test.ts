import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byDay, type ChangeEntry, changeText, changeTexts } from '../../../../src/console/pages/changes/text.ts'

const entry = (fields: Partial<ChangeEntry>): ChangeEntry => ({
  id: '1',
  at: '2026-11-29T12:00:00Z',
  actor: 'ada',
  subject: 'definition',
  action: 'update',
  project: 'shop',
  environment: 'production',
  flag: 'new-checkout',
  segment: null,
  revision: 7,
  before: null,
  after: null,
  comment: '',
  traceId: '',
  from: null,
  ...fields,
})
const say = (fields: Partial<ChangeEntry>) => {
  const { verb, kind, name, where, details } = changeText(entry(fields))
  return [verb, kind, name, where && `in ${where}`, details && `: ${details}`].filter(Boolean).join(' ')
}
const definition = (defaultVariant: string, more: object = {}) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant,
  ...more,
})

for (const [fields, expected] of [
  [
    { before: definition('off'), after: definition('on') },
    'changed new-checkout in production : Default variant: off → on',
  ],
  [{ action: 'create', after: definition('off') }, 'created new-checkout in production : off for everyone'],
  [{ subject: 'flag', action: 'archive', environment: null }, 'archived flag new-checkout'],
  [{ subject: 'environment', action: 'create', flag: null, after: { name: 'P' } }, 'created environment production'],
  [
    { subject: 'project', flag: null, environment: null, before: { name: 'Shop' }, after: { name: 'Web shop' } },
    'changed project shop : Name: "Shop" → "Web shop"',
  ],
  [
    { subject: 'key', action: 'create', flag: null, after: { name: 'Web app', role: 'client' } },
    'created key Web app in production',
  ],
  [
    { subject: 'key', action: 'revoke', flag: null, before: { name: 'Web app', role: 'client' } },
    'revoked key Web app in production',
  ],
  [
    { subject: 'segment', action: 'delete', flag: null, segment: 'staff', before: { var: 'staff' } },
    'deleted segment staff in production',
  ],
  [
    { subject: 'segment', action: 'rename', segment: 'team', before: { name: 'staff' }, after: { name: 'team' } },
    'renamed segment team in production : Name: "staff" → "team"',
  ],
] as const)
  test(`changeText() says "${expected}"`, () => assert.equal(say(fields), expected))

test('changeText() says the first two differences and counts the others', () => {
  const before = definition('off', { metadata: { one: 1, two: 2, three: 3 } })
  const after = definition('on', { metadata: { one: 2, two: 3, three: 4 } })
  assert.match(say({ before, after }), /: Default variant: off → on; .*; and 2 more$/)
})

test('changeTexts() leaves a side empty that does not exist', () => {
  assert.deepEqual(changeTexts(entry({ after: { a: 1 } })), { before: '', after: '{\n  "a": 1\n}' })
})

test('byDay() groups entries of a day in their order, and names today and yesterday', () => {
  const now = new Date(2026, 10, 29, 12)
  const at = (day: number, hour: number) => new Date(2026, 10, day, hour).toISOString()
  const entries = [at(29, 11), at(29, 1), at(28, 23), at(3, 9)].map((time, index) =>
    entry({ id: `${index}`, at: time }),
  )
  assert.deepEqual(
    byDay(entries, now.getTime()).map(({ day, entries }) => [day, entries.map(({ id }) => id).join(' ')]),
    [
      ['Today', '0 1'],
      ['Yesterday', '2'],
      ['Tuesday, 3 November 2026', '3'],
    ],
  )
})
