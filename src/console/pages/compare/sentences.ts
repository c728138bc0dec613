import type { DifferenceSentence } from '../../diff/conditions.ts'
import { definitionDifferences, segmentDifferences } from '../../diff/differences.ts'
import { PLAN, partDifference, planDifferences } from '../../diff/plan.ts'
import type { ComparedItem, ComparedMember, ComparedSegment } from './queries.ts'

const NOTHING = { state: 'ENABLED', variants: {}, defaultVariant: null }

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
  if (name === PLAN) return part === undefined ? planDifferences(target, source) : partDifference(part, target, source)
  const wholeOf = (value: unknown) => {
    if (value === undefined) return NOTHING
    return { ...NOTHING, [name]: part === undefined ? value : { [part]: value } }
  }
  return definitionDifferences(wholeOf(target), wholeOf(source), { defaultVariant: undefined })
}

/** What a segment of the target would become. */
export const segmentSentences = ({ source, target }: ComparedSegment): DifferenceSentence[] =>
  segmentDifferences(target, source)
