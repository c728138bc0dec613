import { isRecord, type JsonRecord } from '../definition.ts'
import { gateOf, isBefore } from './gate.ts'
import { PARTS } from './parts.ts'
import { type PieceOutcome, piecesOf } from './pieces.ts'
import type { Plan, Serve } from './plan.ts'

/**
 * The rule of a plan as plain flagd targeting; undefined if the default variant always applies. Pure, and the same bytes for the same plan.
 * The plan must have been read by `readPlan()`.
 */
export function compilePlan(plan: Plan): JsonRecord | undefined {
  const rule = PARTS.reduce<unknown>((inner, part) => part.surround(inner, plan), timelineRule(plan))
  return ruleOf(rule)
}

/** A result as a rule of its own: the default variant is no rule, and a variant is the result of a condition that holds. */
export function ruleOf(result: unknown): JsonRecord | undefined {
  if (isRecord(result)) return result
  return result === null ? undefined : { if: [true, result] }
}

function timelineRule(plan: Plan): unknown {
  const chain: unknown[] = []
  let last = resultOf({ serve: { base: true } }, plan)
  for (const { start, outcome } of piecesOf(plan)) {
    const result = resultOf(outcome, plan)
    if (JSON.stringify(result) === JSON.stringify(last)) continue
    chain.push(isBefore(start), last)
    last = result
  }
  return chain.length === 0 ? last : { if: [...chain, last] }
}

/** What a piece of the timeline results in: the name of a variant, a rule, or null for the default variant. */
export function resultOf(outcome: PieceOutcome, plan: Plan): unknown {
  if ('serve' in outcome) return serveResult(outcome.serve, plan)
  const { rollout, weights } = outcome.gate
  // At 0 and 100 % users without the attribute get what all others get.
  if (weights.slope === 0 && weights.base === 0) return serveResult(rollout.from, plan)
  if (weights.slope === 0 && weights.base === weights.total) return serveResult(rollout.to, plan)
  return { if: [gateOf(rollout, weights), serveResult(rollout.to, plan), serveResult(rollout.from, plan)] }
}

function serveResult(serve: Serve, plan: Plan): unknown {
  if ('variant' in serve) return serve.variant
  if ('rule' in serve) return serve.rule
  return 'base' in serve ? (plan.rule ?? null) : null
}
