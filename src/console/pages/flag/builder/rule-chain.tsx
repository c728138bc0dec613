import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../../../parts/controls/button.tsx'
import { Card } from '../../../parts/display/table.tsx'
import { announce } from '../../../parts/overlays/toast.tsx'
import { addRule, moveRule, setOtherwise } from '../../../rules/edits.ts'
import { TARGETING } from '../../../rules/read.ts'
import type { JsonPath } from '../../../rules/text.ts'
import type { DefinitionView } from '../../../rules/view.ts'
import * as css from './builder.module.css'
import { isWithin, useRuleEditor } from './editor.ts'
import { ConditionField } from './new-condition.tsx'
import { OutcomeEditor } from './outcome-editor.tsx'
import { RuleCard } from './rule-card.tsx'

type RuleChainProps = {
  readonly definition: DefinitionView
  /** A part that another panel points to. */
  readonly selected: JsonPath | undefined
}

/** All rules in their order, a new one, and what applies if none matches. */
export function RuleChain({ definition, selected }: RuleChainProps) {
  const { apply, isReadOnly } = useRuleEditor()
  const { rules } = definition
  const list = useRef<HTMLOListElement>(null)
  const [moved, setMoved] = useState<number>()
  useLayoutEffect(() => {
    if (moved !== undefined) list.current?.querySelector<HTMLElement>(`[data-rule="${moved}"] button`)?.focus()
    setMoved(undefined)
  }, [moved])
  const move = (from: number, to: number) => {
    apply((text) => moveRule(text, TARGETING, from, to), 'move rule')
    setMoved(to)
    announce(`Rule ${to + 1} of ${rules.length}`)
  }
  const selectedRule =
    selected &&
    rules.findIndex(({ condition, result }) => isWithin(selected, condition.path) || isWithin(selected, result.path))
  useEffect(() => {
    if (selectedRule === undefined || selectedRule < 0) return
    list.current?.querySelector(`[data-rule="${selectedRule}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [selected])
  return (
    <Card title="Rules" actions={<span class={css.note}>the first that matches decides</span>}>
      {rules.length === 0 && <p class={css.note}>No rules yet: everyone gets what “Otherwise” says.</p>}
      <ol ref={list} class={css.rules}>
        {rules.map((rule, place) => (
          <RuleCard
            key={place}
            rule={rule}
            place={place}
            count={rules.length}
            isSelected={selectedRule === place}
            onMove={move}
          />
        ))}
      </ol>
      {!isReadOnly && <NewRule count={rules.length} />}
      <Otherwise definition={definition} />
    </Card>
  )
}

/** Seconds from now of a new date rule. */
const WEEK_SECONDS = 604_800

function NewRule({ count }: { count: number }) {
  const { apply, newVariant, variants } = useRuleEditor()
  const [isOpen, setOpen] = useState(false)
  const add = (condition: unknown, result: unknown = newVariant) => {
    apply((text) => addRule(text, TARGETING, count, { condition, result }), 'add rule')
    announce(`Rule ${count + 1} added`)
    setOpen(false)
  }
  if (!isOpen)
    return (
      <div class={css.newRule}>
        <Button icon="plus" onClick={() => setOpen(true)}>
          Rule
        </Button>
      </div>
    )
  const rest = variants.find((name) => name !== newVariant) ?? null
  const monday = Math.floor(Date.now() / 1_000 / 3_600) * 3_600 + WEEK_SECONDS
  return (
    <div class={css.newRuleForm}>
      <ConditionField onCommit={(condition) => (condition === undefined ? setOpen(false) : add(condition))} />
      <div class={css.buttons}>
        <span class={css.note}>or</span>
        <Button
          size="small"
          icon="percent"
          onClick={() =>
            add(true, {
              fractional: [
                [newVariant, 10],
                [rest, 90],
              ],
            })
          }
        >
          A share of users
        </Button>
        <Button size="small" icon="clock" onClick={() => add({ '>=': [{ var: '$flagd.timestamp' }, monday] })}>
          From a date
        </Button>
        <Button size="small" icon="user" onClick={() => add({ in: [{ var: 'targetingKey' }, []] })}>
          Single users
        </Button>
        <Button size="small" kind="quiet" onClick={() => setOpen(false)}>
          Cancel
        </Button>
      </div>
    </div>
  )
}

function Otherwise({ definition: { otherwise, defaultVariant, hasRule } }: { definition: DefinitionView }) {
  const { apply } = useRuleEditor()
  return (
    <div class={css.otherwise} data-rule="otherwise">
      <h3>Otherwise</h3>
      <OutcomeEditor
        label="Variant if no rule matches"
        outcome={otherwise}
        onSet={(value) => apply((text) => setOtherwise(text, TARGETING, value ?? undefined), 'otherwise')}
      />
      {(!hasRule || otherwise === undefined || (otherwise.kind === 'result' && otherwise.variant === null)) && (
        <span class={css.note}>
          {defaultVariant === null
            ? 'Applications use the default in their code.'
            : `The default variant is ${defaultVariant}.`}
        </span>
      )}
    </div>
  )
}
