import { useQuery } from '@tanstack/preact-query'
import { useMemo } from 'preact/hooks'
import { checkSegments } from '../../../flag/check/definition.ts'
import type { SegmentRules } from '../../../flag/definition.ts'
import { pointerTo } from '../../../flag/error.ts'
import { jsonValueOf, parseText, pathAtPointer } from '../../rules/text.ts'
import { type EditOf, isWithin } from '../flag/builder/editor.ts'
import { SegmentBuilder } from '../flag/builder/segment-builder.tsx'
import { ruleWordsQuery } from '../flag/queries.ts'
import type { SegmentPath } from './queries.ts'

type RuleBuilderProps = {
  readonly path: SegmentPath
  readonly text: string
  readonly onEdit: (edit: EditOf) => void
}

/** The rule of a segment in the rule builder, with the segments and attributes of its environment. */
export function RuleBuilder({ path: { project, environment, name }, text, onEdit }: RuleBuilderProps) {
  const { data } = useQuery(ruleWordsQuery(project, environment))
  const { [name]: _, ...others } = data?.segments ?? {}
  const mistakes = useMemo(() => mistakesOf(text, name, data?.segments ?? {}), [text, name, data])
  return (
    <SegmentBuilder
      text={text}
      apply={onEdit}
      segments={others}
      attributes={data?.attributes ?? []}
      isReadOnly={false}
      mistakesAt={(path) => mistakes.filter((each) => isWithin(each.path, path)).map(({ message }) => message)}
    />
  )
}

/** What is wrong with the rule of one segment, by its place in the text. */
function mistakesOf(text: string, name: string, segments: SegmentRules) {
  const { root } = parseText(text)
  if (!root) return []
  const own = pointerTo('$evaluators', name)
  return checkSegments({ ...segments, [name]: jsonValueOf(root) })
    .filter(({ pointer }) => pointer === own || pointer.startsWith(`${own}/`))
    .map(({ pointer, message }) => ({ path: pathAtPointer(root, pointer.slice(own.length)), message }))
}
