import type { ExplainedResult, ExplainedRule } from '../../../../flag/explain/chain.ts'
import type { Explanation } from '../../../../flag/explain/explain.ts'
import { type ExplainedNode, NOT_REACHED } from '../../../../flag/explain/nodes.ts'
import { truthy } from '../../../../flag/rules/expression.ts'
import * as css from './explain.module.css'
import { SplitPin } from './split-pin.tsx'
import { expectationText, NOTES, OUTCOMES, resultText, timeExpectationText, timeText, valueText } from './words.ts'

type TraceProps = {
  readonly explanation: Explanation
  /** Called with the JSON pointer of a part, to show it in the builder. */
  readonly onSelect?: ((pointer: string) => void) | undefined
}

/** The rules of one evaluation in their order: which matched, which did not, and why. */
export function Trace({ explanation, onSelect }: TraceProps) {
  const { rules, otherwise, decidedBy, truncated } = explanation
  return (
    <ol class={css.trace}>
      {rules.map((rule) => (
        <TracedRule key={rule.pointer} rule={rule} segments={explanation.segments} onSelect={onSelect} />
      ))}
      {otherwise && (
        <li class={css.traceRule} data-outcome={otherwise.value === NOT_REACHED ? 'not_reached' : 'match'}>
          <Mark outcome={otherwise.value === NOT_REACHED ? 'not_reached' : 'match'} />
          <div>
            <strong>Otherwise</strong>{' '}
            {otherwise.value === NOT_REACHED ? (
              <span class={css.muted}>not reached</span>
            ) : (
              <Result result={otherwise} />
            )}
          </div>
        </li>
      )}
      {(decidedBy.kind === 'default_variant' || decidedBy.kind === 'code_default') && rules.length > 0 && (
        <li class={css.traceRule} data-outcome="match">
          <Mark outcome="match" />
          <div>
            <strong>{decidedBy.kind === 'default_variant' ? 'Default variant' : 'Default in the code'}</strong>
          </div>
        </li>
      )}
      {truncated && <li class={css.muted}>The rules are too large to show in full.</li>}
    </ol>
  )
}

type TracedRuleProps = {
  readonly rule: ExplainedRule
  readonly segments: Explanation['segments']
  readonly onSelect: TraceProps['onSelect']
}

function TracedRule({ rule, segments, onSelect }: TracedRuleProps) {
  const { sign: _, word } = OUTCOMES[rule.outcome]
  const name = `Rule ${rule.rule + 1}`
  return (
    <li class={css.traceRule} data-outcome={rule.outcome}>
      <Mark outcome={rule.outcome} />
      <div>
        {onSelect ? (
          <button type="button" class={css.link} onClick={() => onSelect(rule.pointer)}>
            {name}
          </button>
        ) : (
          <strong>{name}</strong>
        )}{' '}
        <span class={css.muted}>{word}</span>
        <Condition node={rule.condition} />
        {rule.outcome === 'match' && (
          <div class={css.traceResult}>
            gives <Result result={rule.result} />
          </div>
        )}
        <SegmentValues node={rule.condition} segments={segments} />
      </div>
    </li>
  )
}

function Mark({ outcome }: { outcome: ExplainedRule['outcome'] }) {
  return (
    <span class={css.traceMark} aria-hidden="true">
      {OUTCOMES[outcome].sign}
    </span>
  )
}

function outcomeOf(value: unknown): ExplainedRule['outcome'] {
  if (value === NOT_REACHED) return 'not_reached'
  return truthy(value) ? 'match' : 'no_match'
}

const GROUPS = { all: 'All of', any: 'Any of', not: 'Not' } as const

function Condition({ node }: { node: ExplainedNode }) {
  const outcome = outcomeOf(node.value)
  return (
    <div class={css.traceNode} data-outcome={outcome}>
      <span class={css.traceLine} data-outcome={outcome}>
        <Mark outcome={outcome} />
        <span class="visuallyHidden">{OUTCOMES[outcome].word}:</span>
        <NodeText node={node} />
      </span>
      {partsOf(node).length > 0 && (
        <div class={css.traceParts}>
          {partsOf(node).map((part) => (
            <Condition key={part.pointer} node={part} />
          ))}
        </div>
      )}
    </div>
  )
}

/** Constants of a computation explain nothing. */
function partsOf(node: ExplainedNode): readonly ExplainedNode[] {
  if (!('parts' in node)) return []
  return node.kind === 'advanced' ? node.parts.filter(({ kind }) => kind !== 'constant') : node.parts
}

function NodeText({ node }: { node: ExplainedNode }) {
  switch (node.kind) {
    case 'clause':
      return <ClauseText clause={node} />
    case 'segment':
      return (
        <span>
          in segment <strong>{node.segment}</strong>
        </span>
      )
    case 'constant':
      return <span>{node.value === true ? 'Everyone' : `Constant ${valueText(node.value)}`}</span>
    case 'advanced':
      return (
        <span>
          <code>{computedName(node)}</code> {node.value !== NOT_REACHED && `gives ${valueText(node.value)}`}
        </span>
      )
    default:
      return <span>{GROUPS[node.kind]}</span>
  }
}

type ExplainedClause = Extract<ExplainedNode, { readonly kind: 'clause' }>

function ClauseText({ clause }: { clause: ExplainedClause }) {
  const { attribute, operator, expected, actual, present, value, note } = clause
  const isTime = attribute === '$flagd.timestamp'
  const say = isTime ? timeText : valueText
  return (
    <span>
      {isTime ? 'the time' : <code>{attribute}</code>}{' '}
      {(isTime ? timeExpectationText : expectationText)(operator, expected)}
      {value !== NOT_REACHED && (
        <span class={css.traceActual}>
          {present ? ` (is ${say(actual)})` : ''}
          {note && <em> {NOTES[note]}</em>}
        </span>
      )}
    </span>
  )
}

/** The attribute that a `var` reads, otherwise the operator. */
function computedName({ operator, parts }: Extract<ExplainedNode, { readonly kind: 'advanced' }>): string {
  const [path] = parts
  return operator === 'var' && path?.kind === 'constant' ? String(path.value) : operator
}

function SegmentValues({ node, segments }: { node: ExplainedNode; segments: Explanation['segments'] }) {
  if (node.kind !== 'segment') return null
  const segment = segments[node.segment]
  return segment && segment.value !== NOT_REACHED ? (
    <div class={css.muted}>The segment’s rule is {truthy(segment.value) ? 'true' : 'false'} for this context.</div>
  ) : null
}

function Result({ result }: { result: ExplainedResult }) {
  if (result.kind === 'split' && result.bucket) return <SplitPin bucket={result.bucket} />
  return <span class={css.variantName}>{resultText(result)}</span>
}
