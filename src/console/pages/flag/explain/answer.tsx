import type { Explanation, PossibleChange } from '../../../../flag/explain/explain.ts'
import type { ExplainedNode } from '../../../../flag/explain/nodes.ts'
import { CODE_DEFAULT } from '../../../../flag/verbs.ts'
import * as css from './explain.module.css'
import { expectationText, timeExpectationText, valueText } from './words.ts'

/** The result in large type, with the sentence that says why. */
export function Answer({ explanation }: { explanation: Explanation }) {
  const { evaluation, summary } = explanation
  const isError = evaluation.reason === 'ERROR'
  const variant = isError ? undefined : evaluation.variant
  return (
    <div class={css.answer} data-error={isError || undefined}>
      <output class={css.answerValue} aria-live="polite">
        {isError ? evaluation.errorCode : (variant ?? CODE_DEFAULT)}
      </output>
      {!isError && variant !== undefined && <code class={css.answerJson}>{valueText(evaluation.value)}</code>}
      <p>{summary}.</p>
    </div>
  )
}

type ChangesProps = {
  readonly changes: readonly PossibleChange[]
  readonly explanation: Explanation
  readonly onSelect?: ((pointer: string) => void) | undefined
}

/** The single clauses whose opposite would give another result. */
export function Changes({ changes, explanation, onSelect }: ChangesProps) {
  if (changes.length === 0) return null
  const nodes = new Map(
    explanation.rules.flatMap(({ condition }) => nodesIn(condition)).map((node) => [node.pointer, node]),
  )
  return (
    <section>
      <h3>What would change it?</h3>
      <ul class={css.changes}>
        {changes.map(({ pointer, variant }) => (
          <li key={pointer}>
            <button type="button" class={css.link} onClick={() => onSelect?.(pointer)} disabled={!onSelect}>
              {clauseText(nodes.get(pointer))}
            </button>
            {' the other way: '}
            <span class={css.variantName}>{variant ?? CODE_DEFAULT}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

const nodesIn = (node: ExplainedNode): ExplainedNode[] => [
  node,
  ...('parts' in node ? node.parts.flatMap(nodesIn) : []),
]

function clauseText(node: ExplainedNode | undefined): string {
  if (node?.kind === 'clause') {
    if (node.attribute === '$flagd.timestamp') return `the time ${timeExpectationText(node.operator, node.expected)}`
    return `${node.attribute} ${expectationText(node.operator, node.expected)}`
  }
  return node?.kind === 'segment' ? `in segment ${node.segment}` : 'This part'
}
