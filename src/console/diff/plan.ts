import { isRecord } from '../../flag/definition.ts'
import { sayPlanPart, sayPlanRule } from '../rules/plan/say-plan.ts'
import type { DifferenceSentence } from './conditions.ts'

/** The member of a definition that its rule is made from. */
export const PLAN = 'flagstaff'

const PARTS: Readonly<Record<string, string>> = {
  rule: 'Rule',
  timeline: 'Timeline',
  needs: 'Prerequisites',
  otherwise: 'Otherwise',
  group: 'Group',
  holdouts: 'Holdouts',
  overrides: 'Overrides',
}

/** What differs between the plans of two definitions, part by part. Null or undefined: there is no plan. */
export function planDifferences(before: unknown, after: unknown): DifferenceSentence[] {
  if (!isRecord(before) && !isRecord(after)) return []
  if (!isRecord(after)) return [{ kind: 'removed', path: [PLAN], text: 'Plan dropped: its rule stays' }]
  const old = isRecord(before) ? before : {}
  const names = [...new Set([...Object.keys(after), ...Object.keys(old)])].filter((name) => name !== 'v')
  return names.flatMap((name) => partDifference(name, old[name], after[name]))
}

/** What differs in a part of a plan, such as its timeline. */
export function partDifference(name: string, before: unknown, after: unknown): DifferenceSentence[] {
  if (JSON.stringify(before ?? null) === JSON.stringify(after ?? null)) return []
  const say = (value: unknown) => (name === 'rule' ? sayPlanRule(value) : sayPlanPart(name, value))
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
  return [{ kind, path: [PLAN, name], text: `${PARTS[name] ?? name}: ${say(before)} → ${say(after)}` }]
}
