import { IconButton } from '../../../parts/controls/button.tsx'
import { Icon } from '../../../parts/display/icon.tsx'
import { Menu } from '../../../parts/overlays/popover.tsx'
import { addClause } from '../../../rules/conditions.ts'
import { addRule, removeRule, replace } from '../../../rules/edits.ts'
import { TARGETING } from '../../../rules/read.ts'
import { jsonValueOf, nodeAt, parseText } from '../../../rules/text.ts'
import type { RuleView } from '../../../rules/view.ts'
import * as css from './builder.module.css'
import { ConditionEditor } from './condition-editor.tsx'
import { useRuleEditor } from './editor.ts'
import { NewCondition } from './new-condition.tsx'
import { OutcomeEditor } from './outcome-editor.tsx'

type RuleCardProps = {
  readonly rule: RuleView
  /** From 0, of `count`. */
  readonly place: number
  readonly count: number
  readonly isSelected: boolean
  readonly onMove: (from: number, to: number) => void
}

/** One rule: its condition and what it gives. Alt with an arrow key moves it, as does dragging its handle. */
export function RuleCard({ rule, place, count, isSelected, onMove }: RuleCardProps) {
  const { apply, isReadOnly } = useRuleEditor()
  const { condition, result } = rule
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (!event.altKey || by === undefined || isReadOnly) return
    event.preventDefault()
    if (place + by >= 0 && place + by < count) onMove(place, place + by)
  }
  return (
    <li
      class={css.rule}
      data-rule={place}
      data-selected={isSelected || undefined}
      onKeyDown={onKeyDown}
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes(DRAGGED)) event.preventDefault()
      }}
      onDrop={(event) => {
        const from = Number(event.dataTransfer?.getData(DRAGGED))
        event.preventDefault()
        if (from !== place) onMove(from, place)
      }}
    >
      <div class={css.ruleHead}>
        {!isReadOnly && <MoveHandle place={place} count={count} />}
        <h3>Rule {place + 1}</h3>
        {condition.kind === 'constant' && condition.value === true && place === 0 && result.kind === 'result' && (
          <span class={css.held}>Held: everyone gets this</span>
        )}
        {!isReadOnly && <RuleMenu {...{ rule, place, count, onMove }} />}
      </div>
      <ConditionEditor condition={condition} isRoot />
      {!isReadOnly && condition.kind !== 'group' && (
        <NewCondition onAdd={(value) => apply((text) => addClause(text, condition.path, value), 'add condition')} />
      )}
      <div class={css.gives}>
        <span class={css.word}>gives</span>
        <OutcomeEditor
          label={`Variant of rule ${place + 1}`}
          outcome={result}
          onSet={(value) => apply((text) => replace(text, result.path, value), 'result')}
        />
      </div>
    </li>
  )
}

const DRAGGED = 'application/x-flagstaff-rule'

function MoveHandle({ place, count }: { place: number; count: number }) {
  return (
    <button
      type="button"
      class={css.moveHandle}
      draggable
      aria-label={`Rule ${place + 1} of ${count}: move with Alt and an arrow key`}
      title="Drag, or Alt and an arrow key"
      onDragStart={(event) => event.dataTransfer?.setData(DRAGGED, String(place))}
    >
      <Icon name="grip" />
    </button>
  )
}

function RuleMenu({ rule, place, count, onMove }: Omit<RuleCardProps, 'isSelected'>) {
  const { apply } = useRuleEditor()
  const duplicate = (text: string) => {
    const { root } = parseText(text)
    const [condition, result] = [rule.condition, rule.result].map(({ path }) => {
      const node = nodeAt(root, path)
      return node && jsonValueOf(node)
    })
    return addRule(text, TARGETING, place + 1, { condition, result })
  }
  const items = [
    ...(place > 0 ? [{ label: 'Move up', icon: 'up' as const, onSelect: () => onMove(place, place - 1) }] : []),
    ...(place < count - 1
      ? [{ label: 'Move down', icon: 'down' as const, onSelect: () => onMove(place, place + 1) }]
      : []),
    { label: 'Duplicate', icon: 'copy' as const, onSelect: () => apply(duplicate, 'duplicate rule') },
    {
      label: 'Remove rule',
      icon: 'trash' as const,
      isDangerous: true,
      onSelect: () => apply((text) => removeRule(text, TARGETING, place), 'remove rule'),
    },
  ]
  return (
    <span class={css.ruleMenu}>
      <Menu label={`Rule ${place + 1}`} items={items}>
        {(props) => <IconButton {...props} icon="more" label={`More for rule ${place + 1}`} />}
      </Menu>
    </span>
  )
}
