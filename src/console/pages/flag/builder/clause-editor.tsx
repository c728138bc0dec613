import { useState } from 'preact/hooks'
import { Combobox } from '../../../parts/controls/combobox.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { setAttribute, setOperator, setValues } from '../../../rules/conditions.ts'
import { replace } from '../../../rules/edits.ts'
import type { ClauseOperator, ClauseView, JsonScalar } from '../../../rules/view.ts'
import * as css from './builder.module.css'
import { useRuleEditor } from './editor.ts'
import { ListInput } from './values/list-input.tsx'
import { OPERATOR_GROUPS, operatorName } from './values/operators.ts'
import { ScalarInput } from './values/scalar-input.tsx'

/** Attributes that every context may have. */
const BUILT_IN = ['targetingKey', '$flagd.flagKey']

/** An attribute, how it is compared, and with what. */
export function ClauseEditor({ clause }: { clause: ClauseView }) {
  const { apply, isReadOnly, values: known } = useRuleEditor()
  const { path, operator, values } = clause
  const offered = known.get(clause.attribute) ?? []
  const setAll = (next: readonly JsonScalar[]) =>
    apply((text) => setValues(text, path, next), `values ${path.join('/')}`)
  return (
    <div class={css.clause}>
      <AttributeField clause={clause} />
      <OperatorMenu clause={clause} />
      {operator === 'one_of' && <ListInput label="Values" {...{ values, offered, isReadOnly }} onChange={setAll} />}
      {operator === 'in_segment' && <ListSegment clause={clause} />}
      {operator !== 'one_of' &&
        values.map((value, index) => (
          <ScalarInput
            key={index}
            label={values.length > 1 ? (index === 0 ? 'Lowest value' : 'Highest value') : 'Value'}
            value={value}
            offered={offered}
            isReadOnly={isReadOnly}
            onChange={(next) => setAll(values.with(index, next))}
            {...(isTextOperator(operator) && { fixedType: 'text' as const })}
          />
        ))}
    </div>
  )
}

const isTextOperator = (operator: ClauseOperator): boolean =>
  operator === 'starts_with' || operator === 'ends_with' || operator.startsWith('sem_ver ')

/** The text is written when the field is left, so that no attribute of half a name is stored. */
function AttributeField({ clause: { path, attribute } }: { clause: ClauseView }) {
  const { apply, attributes, isReadOnly } = useRuleEditor()
  const [typed, setTyped] = useState<string>()
  const commit = (value: string) => {
    setTyped(undefined)
    if (value.trim() !== '' && value !== attribute) apply((text) => setAttribute(text, path, value.trim()), 'attribute')
  }
  if (isReadOnly) return <code>{attribute}</code>
  return (
    <span class={css.attribute} onFocusOut={() => typed !== undefined && commit(typed)}>
      <Combobox
        label="Attribute"
        isLabelHidden
        mono
        value={typed ?? attribute}
        choices={[...new Set([...BUILT_IN, ...attributes])].map((value) => ({ value }))}
        onInput={setTyped}
        onCommit={commit}
      />
    </span>
  )
}

function OperatorMenu({ clause: { path, operator } }: { clause: ClauseView }) {
  const { apply, segments, isReadOnly } = useRuleEditor()
  const change = (next: ClauseOperator) =>
    apply((text) => setOperator(text, path, next, next === 'in_segment' ? segments[0] : undefined), 'operator')
  return (
    <select
      class={field.input}
      aria-label="Operator"
      disabled={isReadOnly}
      value={operator}
      onChange={({ currentTarget }) => change(currentTarget.value as ClauseOperator)}
    >
      {OPERATOR_GROUPS.map(([group, operators]) => (
        <optgroup key={group} label={group}>
          {operators.map((each) => (
            <option key={each} value={each}>
              {operatorName(each)}
            </option>
          ))}
        </optgroup>
      ))}
      {(segments.length > 0 || operator === 'in_segment') && (
        <option value="in_segment">{operatorName('in_segment')} segment</option>
      )}
    </select>
  )
}

/** The segment that holds the list of values. */
function ListSegment({ clause: { path, segment } }: { clause: ClauseView }) {
  const { apply, segments, isReadOnly } = useRuleEditor()
  const names = segment === undefined || segments.includes(segment) ? segments : [segment, ...segments]
  const change = (name: string) => apply((text) => replace(text, [...path, 'in', 1, '$ref'], name), 'segment')
  return (
    <select
      class={field.input}
      aria-label="Segment with the list"
      disabled={isReadOnly}
      value={segment}
      onChange={({ currentTarget }) => change(currentTarget.value)}
    >
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  )
}
