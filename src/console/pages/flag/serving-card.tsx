import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Button } from '../../parts/controls/button.tsx'
import { Switch } from '../../parts/controls/switch.tsx'
import { Card } from '../../parts/display/table.tsx'
import { sayDefinition } from '../../rules/say.ts'
import { isOn, servingOf, switchOff, switchOn } from '../../rules/serving.ts'
import type { DefinitionView } from '../../rules/view.ts'
import type { EditOf } from './builder/editor.ts'
import * as css from './flag.module.css'

type ServingCardProps = {
  readonly view: DefinitionView
  readonly isReadOnly: boolean
  /** Undefined where a switch acts without a confirmation. */
  readonly protectedName: string | undefined
  /** Acts at once, or changes the draft where there is one. */
  readonly onSwitch: (edit: EditOf, did: string) => void
}

/** What the flag serves, as a switch and in words. */
export function ServingCard({ view, isReadOnly, protectedName, onSwitch }: ServingCardProps) {
  const [isAsking, setAsking] = useState(false)
  const isSwitchedOn = isOn(view)
  const [state, word] = stateOf(view)
  const act = () => {
    setAsking(false)
    onSwitch(isSwitchedOn ? switchOff : switchOn, isSwitchedOn ? 'is switched off' : 'is switched on')
  }
  return (
    <Card>
      <div class={css.serving}>
        <Switch
          label="Serving"
          state={state}
          disabled={isReadOnly}
          describedBy="serving-words"
          onToggle={() => (protectedName === undefined ? act() : setAsking(!isAsking))}
        />
        <strong class={css.servingState}>{word}</strong>
        <p id="serving-words" class={css.servingWords}>
          {sayDefinition(view)}.
        </p>
        {isAsking && (
          <Confirm
            text={`Confirm: switch ${isSwitchedOn ? 'off' : 'on'} in ${protectedName}`}
            onConfirm={act}
            onCancel={() => setAsking(false)}
          />
        )}
      </div>
    </Card>
  )
}

/** The position of the switch, and the word for it: the same as in the list. */
function stateOf(view: DefinitionView) {
  const { kind } = servingOf(view)
  if (kind === 'held') return ['held', 'Held'] as const
  if (kind === 'disabled') return ['off', 'Disabled'] as const
  if (kind === 'rules') return ['mixed', 'On for some'] as const
  return isOn(view) ? (['on', 'On'] as const) : (['off', 'Off'] as const)
}

type ConfirmProps = { readonly text: string; readonly onConfirm: () => void; readonly onCancel: () => void }

/** The confirmation in its place; it has the focus, so that Enter confirms. */
function Confirm({ text, onConfirm, onCancel }: ConfirmProps) {
  const host = useRef<HTMLSpanElement>(null)
  useLayoutEffect(() => host.current?.querySelector('button')?.focus(), [])
  return (
    <span ref={host} class={css.confirm}>
      <Button kind="danger" size="small" onClick={onConfirm}>
        {text}
      </Button>
      <Button kind="quiet" size="small" onClick={onCancel}>
        Cancel
      </Button>
    </span>
  )
}
