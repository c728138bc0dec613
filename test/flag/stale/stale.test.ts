import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition } from '../../../src/flag/definition.ts'
import { possibleAnswers } from '../../../src/flag/stale/answers.ts'
import { EVIDENCE_KINDS, type EvidenceKind } from '../../../src/flag/stale/evidence.ts'
import {
  DAY_MS,
  type EnvironmentFacts,
  type FlagEnvironmentFacts,
  type StaleFacts,
} from '../../../src/flag/stale/facts.ts'
import { staleReport } from '../../../src/flag/stale/status.ts'
import { DEFAULT_THRESHOLDS, type StaleThresholds } from '../../../src/flag/stale/thresholds.ts'

const NOW = Date.parse('2026-11-29T12:00:00Z')
const ago = (days: number) => NOW - days * DAY_MS
const variants = { on: true, off: false }
const NEVER = Number.POSITIVE_INFINITY

const answers = (names: readonly (string | null)[] | undefined, changesAt = NEVER) => ({
  variants: names && new Set(names),
  changesAt,
  changedAt: 0,
})
/** A flag in production that depends on the user, is used, and was changed lately. */
const inProduction = (more: Partial<FlagEnvironmentFacts> = {}): FlagEnvironmentFacts => ({
  environment: 'production',
  answers: answers(['on', 'off']),
  isOn: false,
  changedAt: ago(20),
  lastEvaluatedAt: ago(0.1),
  recentVariants: ['on', 'off'],
  otherVariantsAt: null,
  isGrouped: false,
  ...more,
})
const flag = (more: Partial<StaleFacts> = {}): StaleFacts => ({
  key: 'a',
  createdAt: ago(60),
  isPermanent: false,
  kind: 'release',
  expiresAt: null,
  dismissedUntil: null,
  environments: [inProduction()],
  neededBy: [],
  code: undefined,
  ...more,
})
const production: EnvironmentFacts = { key: 'production', isInUse: true, lastSyncAt: null, syncAgents: [] }
const report = (facts: StaleFacts, environments = [production], thresholds: Partial<StaleThresholds> = {}) =>
  staleReport(facts, environments, { thresholds: { ...DEFAULT_THRESHOLDS, ...thresholds }, now: NOW })
const kinds = (facts: StaleFacts) => report(facts).evidence.map(({ kind }) => kind)

/** Facts that are one kind of evidence each. */
const ALONE: Readonly<Record<EvidenceKind, StaleFacts>> = {
  'one-answer': flag({ environments: [inProduction({ recentVariants: ['on'], isOn: true })] }),
  constant: flag({ environments: [inProduction({ answers: answers(['on']), isOn: true })] }),
  unused: flag({ environments: [inProduction({ lastEvaluatedAt: ago(31), recentVariants: [] })] }),
  expired: flag({ expiresAt: ago(1) }),
  untouched: flag({ createdAt: ago(100), expiresAt: ago(-1), environments: [inProduction({ changedAt: ago(91) })] }),
  'no-code': flag({ code: { checkedAt: ago(1), references: 0 } }),
  orphan: flag({ environments: [] }),
}
const STATUS: Readonly<Record<EvidenceKind, string>> = {
  'one-answer': 'finished',
  constant: 'finished',
  unused: 'abandoned',
  expired: 'overdue',
  untouched: 'active',
  'no-code': 'active',
  orphan: 'abandoned',
}

for (const kind of EVIDENCE_KINDS)
  test(`the evidence ${kind} alone is ${STATUS[kind]}`, () => {
    assert.deepEqual(kinds(ALONE[kind]), [kind])
    assert.equal(report(ALONE[kind]).status, STATUS[kind])
  })

test('all evidence together is listed; what is not used is abandoned', () => {
  const all = flag({
    createdAt: ago(200),
    code: { checkedAt: ago(1), references: 0 },
    environments: [
      inProduction({
        answers: answers(['on']),
        isOn: true,
        changedAt: ago(91),
        lastEvaluatedAt: ago(40),
        recentVariants: [],
      }),
    ],
  })
  assert.deepEqual(kinds(all).toSorted(), ['constant', 'expired', 'no-code', 'untouched', 'unused'])
  assert.equal(report(all).status, 'abandoned')
})

test('a flag in use is active, a young one new, a permanent one permanent', () => {
  assert.deepEqual([report(flag()).status, report(flag()).evidence], ['active', []])
  assert.equal(report(flag({ createdAt: ago(6) })).status, 'new')
  assert.equal(report({ ...ALONE.expired, isPermanent: true }).status, 'permanent')
  assert.equal(report({ ...ALONE.constant, kind: 'killSwitch' }).status, 'permanent')
  assert.equal(report({ ...ALONE.constant, kind: 'killSwitch', expiresAt: ago(1) }).status, 'finished')
})

test('code that is gone is abandoned once nothing evaluates the flag any more', () => {
  const quiet = { ...ALONE['no-code'], environments: [inProduction({ lastEvaluatedAt: ago(15), recentVariants: [] })] }
  assert.equal(report(quiet).status, 'abandoned')
  assert.equal(report({ ...quiet, code: { checkedAt: ago(8), references: 0 } }).status, 'active', 'the scan is old')
  assert.equal(report({ ...quiet, code: { checkedAt: ago(1), references: 1 } }).status, 'active')
})

test('finished: one answer in all environments that matter, the same, and for long enough', () => {
  const at = (environment: string, more: Partial<FlagEnvironmentFacts>) => inProduction({ environment, ...more })
  const on = { answers: answers(['on']), isOn: true }
  const staging = { ...production, key: 'staging' }
  const both = [production, staging]
  const different = flag({ environments: [at('production', on), at('staging', { answers: answers(['off']) })] })
  assert.equal(report(different, both).status, 'active')
  assert.equal(report(different, both, { environments: ['production'] }).status, 'finished')
  assert.equal(report(different, [production, { ...staging, isInUse: false }]).status, 'finished')
  assert.equal(report(flag({ environments: [at('production', { ...on, changedAt: ago(13) })] })).status, 'active')
  const finished = report(flag({ environments: [at('production', on), at('staging', on)] }), both)
  assert.deepEqual([finished.status, finished.keep, finished.since], ['finished', 'on', ago(20)])
  assert.equal(
    report(flag({ environments: [at('staging', on)] }), both, { environments: ['production'] }).status,
    'active',
  )
})

test('the day of a change counts from its hour, not from midnight', () => {
  const changed = (ms: number) =>
    flag({ environments: [inProduction({ answers: answers(['on']), isOn: true, changedAt: ms })] })
  assert.equal(report(changed(ago(14) - 1)).status, 'finished')
  assert.equal(report(changed(ago(14) + 1)).status, 'active')
  const created = (ms: number) => report(flag({ createdAt: ms, expiresAt: null })).status
  assert.deepEqual([created(ago(90)), created(ago(90) + 1)], ['overdue', 'active'])
})

test('what other flags need, what time will change, and what is in a group is held, and the reason is said', () => {
  for (const [more, kind] of [
    [{ neededBy: ['b'] }, 'needed'],
    [{ environments: [inProduction({ answers: answers(['on'], NOW / 1_000 + 60), isOn: true })] }, 'scheduled'],
    [{ environments: [inProduction({ answers: answers(['on']), isOn: true, isGrouped: true })] }, 'grouped'],
  ] as const) {
    const held = report({ ...ALONE.constant, ...more })
    assert.deepEqual([held.status, held.held.map((hold) => hold.kind)], ['active', [kind]])
    const expired = report({ ...ALONE.constant, ...more, expiresAt: ago(1) })
    assert.equal(expired.status, 'overdue')
  }
})

test('L1: a lifetime that is changed holds at once (Unleash#4908)', () => {
  const old = flag({ createdAt: ago(50) })
  const lifetime = (release: number | null) => ({ lifetimeDays: { ...DEFAULT_THRESHOLDS.lifetimeDays, release } })
  assert.equal(report(old).status, 'active')
  assert.equal(report(old, [production], lifetime(40)).status, 'overdue')
  assert.equal(report(old, [production], lifetime(null)).status, 'permanent')
})

test('L2: a dismissed flag is not listed again before its date (Unleash#1087)', () => {
  for (const facts of Object.values(ALONE)) {
    assert.equal(report({ ...facts, dismissedUntil: NOW + 1 }).status, 'dismissed')
    assert.notEqual(report({ ...facts, dismissedUntil: NOW }).status, 'dismissed')
  }
})

test('L5: a one-sided rule is evidence with its date and variant, and a date of the flag overrides that of its kind (growthbook#1806, growthbook#2917)', () => {
  const [evidence] = report(ALONE.constant).evidence
  assert.deepEqual(evidence, { kind: 'constant', environment: 'production', variant: 'on', since: ago(20) })
  assert.equal(report(flag({ createdAt: ago(100), expiresAt: ago(-10) })).status, 'active')
  assert.equal(report(flag({ createdAt: ago(10), expiresAt: ago(1) })).status, 'overdue')
})

test('L6: 100 % of the old variant before the launch is not finished (posthog#33895)', () => {
  const before = flag({ environments: [inProduction({ answers: answers(['off']), recentVariants: ['off'] })] })
  const prepared = report(before)
  assert.equal(prepared.status, 'active')
  assert.deepEqual(prepared.unsure, [{ kind: 'never-launched', environment: 'production', variant: 'off' }])
  const back = flag({
    environments: [inProduction({ answers: answers(['off']), recentVariants: ['off'], otherVariantsAt: ago(30) })],
  })
  assert.deepEqual([report(back).status, report(back).keep], ['finished', 'off'], 'rolled back for good')
})

test('L8: a flag that is evaluated in process is not unused, and the doubt names the clients (posthog#90214)', () => {
  const synced = { ...production, lastSyncAt: ago(2), syncAgents: ['grpc-go/1.80.0'] }
  const unsure = report(ALONE.unused, [synced])
  assert.deepEqual([unsure.status, unsure.evidence], ['active', []])
  assert.deepEqual(unsure.unsure, [
    { kind: 'synced', environment: 'production', lastSyncAt: ago(2), by: ['grpc-go/1.80.0'] },
  ])
  assert.equal(report(ALONE.unused, [{ ...synced, lastSyncAt: ago(31) }]).status, 'abandoned')
  assert.equal(report(ALONE['one-answer'], [synced]).status, 'active', 'nor is it known to have one answer')
  assert.equal(report(ALONE.constant, [synced]).status, 'finished', 'what a definition can answer is known')
  const elsewhere = { ...synced, key: 'staging' }
  assert.equal(report(ALONE.unused, [production, elsewhere]).status, 'abandoned', 'staging does not have the flag')
})

const at = Math.floor(NOW / 1_000)
const time = { var: '$flagd.timestamp' }
for (const [what, rule, expected] of [
  ['no rule', undefined, ['off']],
  ['an empty rule', {}, ['off']],
  ['a condition that always holds', { if: [true, 'on', 'off'] }, ['on']],
  ['a condition that never holds', { if: [false, 'on', 'off'] }, ['off']],
  ['a condition on the user', { if: [{ var: 'beta' }, 'on', 'off'] }, ['on', 'off']],
  ['the same answer in all branches', { if: [{ var: 'beta' }, 'on', { if: [{ var: 'x' }, 'on', 'on'] }] }, ['on']],
  ['no branch left', { if: [{ var: 'beta' }, 'on'] }, ['on', 'off']],
  ['null in a branch', { if: [{ var: 'beta' }, null, 'off'] }, ['off']],
  ['a boolean for a variant', { if: [true, true] }, undefined],
  ['a moment that has passed', { if: [{ '<': [time, at - 1] }, 'off', 'on'] }, ['on']],
  ['a moment that has passed, the other way around', { if: [{ '<=': [at - 1, time] }, 'on', 'off'] }, ['on']],
  ['a moment ahead', { if: [{ '<': [time, at + 60] }, 'off', 'on'] }, ['off', 'on']],
  [
    'moments joined',
    { if: [{ and: [{ '>': [time, at - 9] }, { '!': { '<': [time, at - 5] } }] }, 'on', 'off'] },
    ['on'],
  ],
  ['a joined moment and a user', { if: [{ or: [{ '>': [time, at - 9] }, { var: 'x' }] }, 'on', 'off'] }, ['on']],
  ['shares with a seed of text', { fractional: [{ cat: ['s', { var: 'u' }] }, ['on', 100], ['off', 0]] }, ['on']],
  [
    'shares without a text for some users',
    {
      fractional: [
        ['on', 100],
        ['off', 0],
      ],
    },
    ['off', 'on'],
  ],
  ['shares of two', { fractional: [{ cat: ['s'] }, ['on', 1], ['off', 99]] }, ['on', 'off']],
  ['weights that are computed', { fractional: [{ cat: ['s'] }, ['on', { var: 'w' }], ['off', 1]] }, undefined],
  ['a segment', { $ref: 'always' }, ['on']],
  ['an unknown segment', { $ref: 'none' }, ['off']],
  ['a segment that is endless', { $ref: 'loop' }, undefined],
  ['a computed answer', { var: 'variant' }, undefined],
  ['a variant that does not exist', { if: [true, 'none'] }, undefined],
] as const)
  test(`possibleAnswers() of ${what}`, () => {
    const definition: Definition = { state: 'ENABLED', variants, defaultVariant: 'off', targeting: rule }
    const segments = { always: { if: [true, 'on'] }, loop: { $ref: 'loop' } }
    const found = possibleAnswers(definition, segments, at)
    assert.deepEqual(found.variants && [...found.variants].toSorted(), expected?.toSorted())
    assert.equal(Number.isFinite(found.changesAt), what === 'a moment ahead')
  })

test('possibleAnswers() of a disabled flag, and of one without a default, are the default in the code', () => {
  const definition = { variants, targeting: { if: [{ var: 'x' }, 'on', 'off'] } }
  assert.deepEqual([...(possibleAnswers({ ...definition, state: 'DISABLED' }, {}, at).variants ?? [])], [null])
  assert.deepEqual([...(possibleAnswers({ state: 'ENABLED', variants }, {}, at).variants ?? [])], [null])
})

test('a constant that time has made is as old as its moment', () => {
  const definition: Definition = {
    state: 'ENABLED',
    variants,
    targeting: { if: [{ '<': [time, at - 3_600] }, 'off', 'on'] },
  }
  const found = possibleAnswers(definition, {}, at)
  assert.equal(found.changedAt, at - 3_600)
  const facts = flag({ environments: [inProduction({ answers: found, isOn: true })] })
  assert.equal(report(facts).status, 'active')
  assert.deepEqual(report(facts).evidence[0]?.since, NOW - 3_600_000)
})
