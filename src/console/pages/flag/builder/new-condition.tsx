import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../../../parts/controls/button.tsx'
import { type Choice, Combobox } from '../../../parts/controls/combobox.tsx'
import { clauseValue } from '../../../rules/conditions.ts'
import type { AttributeValues } from '../queries.ts'
import * as css from './builder.module.css'
import { useRuleEditor } from './editor.ts'
import { convertScalar, typeOfScalar } from './values/operators.ts'

type NewConditionProps = {
  readonly onAdd: (condition: unknown) => void
  readonly label?: string
}

/** "+ Condition": a field that takes the name of a segment or of an attribute. */
export function NewCondition({ onAdd, label = 'Condition' }: NewConditionProps) {
  const [isOpen, setOpen] = useState(false)
  if (!isOpen)
    return (
      <Button size="small" kind="quiet" icon="plus" onClick={() => setOpen(true)}>
        {label}
      </Button>
    )
  return (
    <ConditionField
      onCommit={(condition) => {
        setOpen(false)
        if (condition !== undefined) onAdd(condition)
      }}
    />
  )
}

type ConditionFieldProps = {
  /** Called with the condition as JSON; undefined if the field was left empty. */
  readonly onCommit: (condition: unknown) => void
}

/** The focused field for a segment or an attribute. Enter takes it, Escape closes it. */
export function ConditionField({ onCommit }: ConditionFieldProps) {
  const { segments, attributes, values } = useRuleEditor()
  const [text, setText] = useState('')
  const host = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => host.current?.querySelector('input')?.focus(), [])
  const choices: Choice[] = [
    ...segments.map((value) => ({ value, note: 'segment' })),
    ...[...new Set(['targetingKey', ...attributes])].map((value) => ({ value, note: 'attribute' })),
  ]
  const commit = (value: string) =>
    onCommit(value.trim() === '' ? undefined : conditionFor(value.trim(), choices, values))
  return (
    <div ref={host} class={css.newCondition}>
      <Combobox
        label="Segment or attribute"
        placeholder="Segment or attribute, such as beta or plan"
        value={text}
        choices={choices}
        onInput={setText}
        onCommit={commit}
        onCancel={() => onCommit(undefined)}
      />
    </div>
  )
}

/** The condition that a name stands for. A beginning that only one segment has, and no attribute, is that segment. The value has the type that other rules compare the attribute with. */
function conditionFor(name: string, choices: readonly Choice[], values: AttributeValues): unknown {
  const exact = choices.find(({ value }) => value === name)
  const starting = choices.filter(({ value }) => value.startsWith(name))
  const [only] = starting
  const choice = exact ?? (starting.length === 1 && only?.note === 'segment' ? only : undefined)
  if (choice?.note === 'segment') return { $ref: choice.value }
  const [known = ''] = values.get(name) ?? []
  return clauseValue({ attribute: name, operator: '==', values: [convertScalar('', typeOfScalar(known))] })
}
