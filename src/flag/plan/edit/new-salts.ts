import { isRecord, type JsonRecord } from '../../definition.ts'
import { type Arm, type Plan, type Rollout, rolloutOf, type Serve } from '../plan.ts'

/** The new salt of each salt. */
type Salts = ReadonlyMap<string, string>

/**
 * The plan with other users in its rollouts: each distinct salt becomes one new salt, so that rollouts with the same users still have the same
 * users. A rule in the plan may hold the gate of an earlier rollout, whose seed changes with it. Pure but for `newSalt`.
 */
export function withNewSalts(plan: Plan, newSalt: () => string): Plan {
  const { timeline, rule } = plan
  if (timeline === undefined) return plan
  const salts = new Map([...new Set(timeline.flatMap(saltsOf))].map((salt) => [salt, newSalt()] as const))
  return {
    ...plan,
    ...(rule && { rule: inRule(rule, salts) as JsonRecord }),
    timeline: timeline.map((arm) => inArm(arm, salts)),
  }
}

function saltsOf(arm: Arm): string[] {
  const rollout = rolloutOf(arm)
  const later = 'paused' in arm ? (arm.paused.later ?? []) : []
  return [...(rollout ? [rollout.salt] : []), ...later.flatMap(saltsOf)]
}

function inArm(arm: Arm, salts: Salts): Arm {
  if ('rollout' in arm) return { ...arm, rollout: inRollout(arm.rollout, salts) }
  if ('serve' in arm) return { ...arm, serve: inServe(arm.serve, salts) }
  const { later, of } = arm.paused
  const waiting = later && { later: later.map((one) => inArm(one, salts)) }
  return { ...arm, paused: { ...arm.paused, of: inRollout(of, salts), ...waiting } }
}

const inRollout = (rollout: Rollout, salts: Salts): Rollout => ({
  ...rollout,
  to: inServe(rollout.to, salts),
  from: inServe(rollout.from, salts),
  salt: salts.get(rollout.salt) ?? rollout.salt,
})

const inServe = (serve: Serve, salts: Salts): Serve =>
  'rule' in serve ? { rule: inRule(serve.rule, salts) as JsonRecord } : serve

/** Replaces the seeds `{"cat": [salt, …]}`. */
function inRule(rule: unknown, salts: Salts): unknown {
  if (Array.isArray(rule)) return rule.map((part: unknown) => inRule(part, salts))
  if (!isRecord(rule)) return rule
  return Object.fromEntries(Object.entries(rule).map(([name, value]) => [name, inOperand(name, value, salts)]))
}

function inOperand(operator: string, operand: unknown, salts: Salts): unknown {
  if (operator !== 'cat' || !Array.isArray(operand)) return inRule(operand, salts)
  const [seed, ...rest]: unknown[] = operand
  const salt = typeof seed === 'string' ? salts.get(seed) : undefined
  return [salt ?? inRule(seed, salts), ...rest.map((part) => inRule(part, salts))]
}
