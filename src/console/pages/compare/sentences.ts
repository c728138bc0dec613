import type { DifferenceSentence } from '../../diff/conditions.ts'
import { definitionDifferences, segmentDifferences } from '../../diff/differences.ts'
import { sayPlanPart, sayPlanRule } from '../../rules/plan/say-plan.ts'
import type { ComparedItem, ComparedMember, ComparedSegment } from './queries.ts'

const PLAN = 'flagstaff'
const NOTHING = { state: 'ENABLED', variants: {}, defaultVariant: null }
const PARTS: Readonly<Record<string, string>> = { rule: 'Rule', timeline: 'Timeline', needs: 'Prerequisites' }

/** What a flag is in the two environments, in a word or two. */
export function sayStatus({ status }: ComparedItem, source: string, target: string): string {
  if (status === 'only-in-source') return `only in ${source}`
  return status === 'only-in-target' ? `only in ${target}` : 'differs'
}

/** Who changed a member since it was carried. */
export function sayVerdict({ verdict }: Pick<ComparedMember, 'verdict'>, source: string, target: string): string {
  if (verdict === 'take') return `changed in ${source}`
  if (verdict === 'keep') return `changed in ${target}`
  return verdict === 'conflict' ? 'changed in both' : 'never carried'
}

/** What the target would become if it took a member from the source, in sentences. */
export function memberSentences({ member, source, target }: ComparedMember): DifferenceSentence[] {
  if (member === '') return definitionDifferences(target, source)
  const [name = '', part] = member
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (name === PLAN) return [planSentence(part, source, target)]
  const wholeOf = (value: unknown) => {
    if (value === undefined) return NOTHING
    return { ...NOTHING, [name]: part === undefined ? value : { [part]: value } }
  }
  return definitionDifferences(wholeOf(target), wholeOf(source), { defaultVariant: undefined })
}

function planSentence(part: string | undefined, source: unknown, target: unknown): DifferenceSentence {
  const path = part === undefined ? [PLAN] : [PLAN, part]
  if (part === undefined) return { kind: 'changed', path, text: `Plan: ${sayPlan(target)} → ${sayPlan(source)}` }
  const say = (value: unknown) =>
    part === 'rule' && value !== undefined ? sayPlanRule(value) : sayPlanPart(part, value)
  return { kind: 'changed', path, text: `${PARTS[part] ?? part}: ${say(target)} → ${say(source)}` }
}

function sayPlan(plan: unknown): string {
  const { rule, timeline } = (plan ?? {}) as { readonly rule?: unknown; readonly timeline?: unknown }
  const rest = timeline === undefined ? '' : `, then ${sayPlanPart('timeline', timeline)}`
  return `${rule === undefined ? 'the default variant' : sayPlanRule(rule)}${rest}`
}

/** What a segment of the target would become. */
export const segmentSentences = ({ source, target }: ComparedSegment): DifferenceSentence[] =>
  segmentDifferences(target, source)
