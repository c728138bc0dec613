import type { JsonRecord } from '../definition.ts'
import type { Rollout } from './plan.ts'
import type { Weights } from './share.ts'

const NOW = { var: '$flagd.timestamp' }
/** The attribute that clients always send as text. */
export const TARGETING_KEY = 'targetingKey'

/**
 * A condition that holds for a share of users, in plain flagd targeting that all engines evaluate the same way:
 * - The seed is always written out and the attribute guarded: engines differ where it is missing.
 * - An attribute other than the targeting key must be text: engines write numbers as text in different ways.
 * - The results are the texts "in" and "out", so that any rule, the default variant as well, can stand on both sides.
 * - Weights are whole numbers and differences of them; some engines refuse others.
 * A user is in if hash / 2³² < weight / total, so only the fraction decides, and a growing one only adds users.
 */
export function gateOf({ by, salt }: Pick<Rollout, 'by' | 'salt'>, weights: Weights): JsonRecord {
  const attribute = { var: by }
  const isTextual = { '===': [attribute, { cat: [attribute] }] }
  const [inside, outside] = weightRules(weights)
  const share = { fractional: [{ cat: [salt, attribute] }, ['in', inside], ['out', outside]] }
  return { and: [attribute, ...(by === TARGETING_KEY ? [] : [isTextual]), { '==': [share, 'in'] }] }
}

function weightRules({ slope, base, total }: Weights): readonly [inside: unknown, outside: unknown] {
  if (slope === 0) return [base, total - base]
  const [since, left] = [-base, base]
  return slope === 1
    ? [{ '-': [NOW, since] }, { '-': [since + total, NOW] }]
    : [{ '-': [left, NOW] }, { '-': [NOW, left - total] }]
}

/** A condition that holds before a second. A missing time counts as before it, so an old client releases nothing early. */
export const isBefore = (second: number): JsonRecord => ({ '<': [NOW, second] })
