import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LocalTimeFault, localOf, secondOfLocal } from '../../../src/flag/plan/read/zones.ts'

const gap = (before: string, after: string): LocalTimeFault => ({ kind: 'gap', before, after })
const fold = (...offsets: string[]): LocalTimeFault => ({ kind: 'fold', offsets })

const times: readonly [zone: string, local: string, expected: string | LocalTimeFault, offset?: string][] = [
  ['Europe/London', '2027-01-15T09:30', '2027-01-15T09:30:00Z'],
  ['Europe/London', '2027-07-15T09:30', '2027-07-15T08:30:00Z'],
  ['Europe/London', '2027-03-28T00:59:59', '2027-03-28T00:59:59Z'],
  ['Europe/London', '2027-03-28T01:00', gap('2027-03-28T01:00:00', '2027-03-28T02:00:00')],
  ['Europe/London', '2027-03-28T01:59:59', gap('2027-03-28T01:00:00', '2027-03-28T02:00:00')],
  ['Europe/London', '2027-03-28T02:00', '2027-03-28T01:00:00Z'],
  ['Europe/London', '2027-10-31T00:59:59', '2027-10-30T23:59:59Z'],
  ['Europe/London', '2027-10-31T01:00', fold('+01:00', '+00:00')],
  ['Europe/London', '2027-10-31T01:59:59', fold('+01:00', '+00:00')],
  ['Europe/London', '2027-10-31T01:30', '2027-10-31T00:30:00Z', '+01:00'],
  ['Europe/London', '2027-10-31T01:30', '2027-10-31T01:30:00Z', '+00:00'],
  ['Europe/London', '2027-10-31T01:30', { kind: 'offset', offsets: ['+01:00', '+00:00'] }, '+02:00'],
  ['Europe/London', '2027-10-31T02:00', '2027-10-31T02:00:00Z'],
  ['Europe/London', '2027-07-15T09:30', { kind: 'offset', offsets: ['+01:00'] }, '+00:00'],
  ['America/New_York', '2027-03-14T01:59', '2027-03-14T06:59:00Z'],
  ['America/New_York', '2027-03-14T02:30', gap('2027-03-14T02:00:00', '2027-03-14T03:00:00')],
  ['America/New_York', '2027-03-14T03:00', '2027-03-14T07:00:00Z'],
  ['America/New_York', '2027-11-07T01:15', fold('-04:00', '-05:00')],
  ['America/New_York', '2027-11-07T01:15', '2027-11-07T06:15:00Z', '-05:00'],
  ['Australia/Lord_Howe', '2027-10-03T01:59', '2027-10-02T15:29:00Z'],
  ['Australia/Lord_Howe', '2027-10-03T02:15', gap('2027-10-03T02:00:00', '2027-10-03T02:30:00')],
  ['Australia/Lord_Howe', '2027-10-03T02:30', '2027-10-02T15:30:00Z'],
  ['Australia/Lord_Howe', '2027-04-04T01:45', fold('+11:00', '+10:30')],
  ['Australia/Lord_Howe', '2027-04-04T01:45', '2027-04-03T15:15:00Z', '+10:30'],
  ['Pacific/Apia', '2011-12-29T23:59:59', '2011-12-30T09:59:59Z'],
  ['Pacific/Apia', '2011-12-30T00:00', gap('2011-12-30T00:00:00', '2011-12-31T00:00:00')],
  ['Pacific/Apia', '2011-12-30T12:00', gap('2011-12-30T00:00:00', '2011-12-31T00:00:00')],
  ['Pacific/Apia', '2011-12-31T00:00', '2011-12-30T10:00:00Z'],
  ['Asia/Kathmandu', '2027-01-01T00:00', '2026-12-31T18:15:00Z'],
  ['UTC', '2028-02-29T12:00', '2028-02-29T12:00:00Z'],
  ['UTC', '2027-02-29T12:00', { kind: 'local' }],
  ['UTC', '2027-01-01T24:00', { kind: 'local' }],
  ['UTC', '2027-01-01', { kind: 'local' }],
  ['UTC', '2027-01-01T10:00Z', { kind: 'local' }],
  ['Mars/Olympus', '2027-01-01T10:00', { kind: 'zone' }],
  ['', '2027-01-01T10:00', { kind: 'zone' }],
]

for (const [zone, local, expected, offset] of times)
  test(`${local} ${offset ?? ''} in "${zone}" is ${typeof expected === 'string' ? expected : expected.kind}`, () => {
    const second = secondOfLocal({ local, zone, offset })
    assert.deepEqual(second, typeof expected === 'string' ? Date.parse(expected) / 1_000 : expected)
    if (typeof second === 'number') assert.ok(localOf(second, zone)?.startsWith(local))
  })

test('flagsmith#2098: localOf() shows the offset of the day, not of today', () => {
  assert.equal(localOf(Date.parse('2027-01-15T09:30Z') / 1_000, 'Europe/London'), '2027-01-15T09:30:00+00:00')
  assert.equal(localOf(Date.parse('2027-07-15T08:30Z') / 1_000, 'Europe/London'), '2027-07-15T09:30:00+01:00')
  assert.equal(localOf(0, 'Mars/Olympus'), undefined)
})
