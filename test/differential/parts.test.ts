import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlagdCore } from '@openfeature/flagd-core'
import type { Definition } from '../../src/flag/definition.ts'
import { evaluateKey } from '../../src/flag/evaluate.ts'
import { compileFlagSet } from '../../src/flag/flag-set.ts'
import { segmentsOfFlags } from '../../src/flag/needs/prerequisites.ts'
import { compilePlan } from '../../src/flag/plan/compile-plan.ts'
import type { Plan } from '../../src/flag/plan/plan.ts'
import { changeSlots, FREE, GROUP_PLACES, groupRule } from '../../src/flag/shares/group.ts'
import { holdoutRule } from '../../src/flag/shares/holdout.ts'

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined }
const by = 'targetingKey'
const half = { fractional: [{ cat: ['r:x', { var: by }] }, ['on', 50], ['off', 50]] }
const planned = (plan: Omit<Plan, 'v'>): Definition => {
  const targeting = compilePlan({ v: 1, ...plan })
  return {
    state: 'ENABLED',
    variants: { on: true, off: false },
    defaultVariant: 'off',
    ...(targeting && { targeting }),
    flagstaff: { v: 1, ...plan },
  }
}
const on = { if: [true, 'on'] }
const FLAGS = new Map<string, Definition>([
  ['parent', planned({ rule: half })],
  ['child', planned({ rule: on, needs: [{ flag: 'parent', variants: ['on'] }] })],
  ['grandchild', planned({ rule: on, needs: [{ flag: 'child', variants: ['on'], not: true }] })],
  ['slot-a', planned({ rule: on, group: { name: 'g', slot: 'a' } })],
  ['slot-b', planned({ rule: half, group: { name: 'g', slot: 'b' }, otherwise: 'off' })],
  ['held', planned({ rule: on, holdouts: ['h', 'ended'] })],
  [
    'override',
    planned({
      rule: half,
      overrides: [
        { targetingKey: 'user-1', variant: 'on', until: 1_000_000_000 },
        { targetingKey: 'user-2', variant: 'off' },
      ],
    }),
  ],
])
const { ranges } = changeSlots(
  [{ owner: FREE, places: GROUP_PLACES }],
  [
    { slot: 'a', places: 30_000 },
    { slot: 'b', places: 50_000 },
  ],
  false,
)
const shared = {
  'fs.group.g': groupRule({ by, salt: 'g:g', ranges }),
  'fs.holdout.h': holdoutRule({ by, salt: 'h:h', share: 20_000 }),
  'fs.holdout.ended': holdoutRule({ by, salt: 'h:ended', share: 90_000, until: 1_000_000_000 }),
}

for (const engine of ['compiled', 'interpreted'] as const)
  test(`prerequisites, groups, holdouts and overrides give what flagd-core gives, ${engine}`, () => {
    const needed = segmentsOfFlags({
      flags: FLAGS,
      segments: shared,
      bucketing: 'v2',
      changed: new Set(FLAGS.keys()),
      isShared: false,
      pointer: (key) => key,
    })
    assert.deepEqual(needed.mistakes, [])
    const segments = { ...shared, ...needed.segments }
    const set = compileFlagSet({ flags: FLAGS, segments, metadata: {}, bucketing: 'v2' })
    const core = new FlagdCore(undefined, silent, { disableDynamicCodeGeneration: engine === 'interpreted' })
    core.setConfigurations(JSON.stringify({ flags: Object.fromEntries(FLAGS), $evaluators: segments }))
    const counts = new Map<string, number>()
    const now = Math.floor(Date.now() / 1_000)
    for (let index = 0; index < 500; index += 1) {
      const context = index === 0 ? {} : { targetingKey: `user-${index}` }
      for (const key of FLAGS.keys()) {
        const ours = evaluateKey(set, key, context, now, 'boolean')
        const theirs = core.resolveBooleanEvaluation(key, false, context, silent)
        assert.equal(ours.reason === 'ERROR' ? ours.errorCode : ours.value, theirs.value, `${key} of user-${index}`)
        if (theirs.value) counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    }
    // Each flag decides both ways.
    for (const key of FLAGS.keys()) assert.ok((counts.get(key) ?? 0) > 50 && (counts.get(key) ?? 0) < 450, key)
  })
