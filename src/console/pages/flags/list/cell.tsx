import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { MatrixCell, MatrixEnvironment } from '../../../api/matrix.ts'
import { paths } from '../../../app/paths.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { Switch } from '../../../parts/controls/switch.tsx'
import { Icon } from '../../../parts/display/icon.tsx'
import type { CellActions } from '../actions.ts'
import type { CellName } from '../writes.ts'
import * as css from './cell.module.css'
import { Rollout } from './rollout.tsx'

type CellProps = {
  readonly name: CellName
  readonly cell: MatrixCell | undefined
  readonly environment: MatrixEnvironment
  readonly actions: CellActions
  /** Its place, by which the keyboard finds it. */
  readonly place: string
}

const STALE = {
  never_evaluated: 'Never evaluated',
  not_evaluated: 'Not evaluated for long',
  one_answer: 'The same answer for long',
} as const

/** What a flag serves in an environment: its switch, the words, the evaluations of a day. */
export function Cell({ name, cell, environment, actions, place }: CellProps) {
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  if (!cell || cell.state === 'absent')
    return (
      <a
        class={css.absent}
        href={paths.flag(name.project, name.flag, name.environment)}
        data-place={place}
        tabIndex={-1}
      >
        not defined
      </a>
    )
  const isOn = cell.state === 'on' || cell.state === 'partial'
  const toggle = async () => {
    setAsking(false)
    setBusy(true)
    await actions.toggle(name, cell, !isOn).finally(() => setBusy(false))
    document.querySelector<HTMLElement>(`[data-place="${place}"] [role=switch]`)?.focus()
  }
  if (isAsking)
    return (
      <Question
        text={`Switch ${isOn ? 'off' : 'on'} in ${environment.name}?`}
        onConfirm={() => void toggle()}
        onCancel={() => setAsking(false)}
      />
    )
  return (
    <div class={css.cell} data-place={place} aria-busy={isBusy}>
      <Switch
        label={`${name.flag} in ${environment.name}: ${cell.served}`}
        state={SWITCH_STATES[cell.state]}
        disabled={isBusy || cell.managedBy?.locked || !actions.mayChange(environment.key)}
        tabIndex={-1}
        onToggle={() => (environment.protected ? setAsking(true) : void toggle())}
      />
      <Served name={name} cell={cell} environment={environment} actions={actions} />
      {cell.managedBy && <ManagedBy name={cell.managedBy.name} />}
      <Activity cell={cell} />
    </div>
  )
}

/** A lock where another system manages the flag. */
function ManagedBy({ name }: { readonly name: string }) {
  const text = `Managed by ${name}`
  return (
    <span title={text}>
      <Icon name="lock" size={12} />
      <span class="visuallyHidden">{text}</span>
    </span>
  )
}

const SWITCH_STATES = { on: 'on', partial: 'mixed', held: 'held', off: 'off', disabled: 'off' } as const

type ServedProps = Omit<CellProps, 'cell' | 'place'> & { readonly cell: MatrixCell }

/** The words; they open the quick rollout. */
function Served({ name, cell, environment, actions }: ServedProps) {
  const [isOpen, setOpen] = useState(false)
  const opener = useRef<HTMLButtonElement>(null)
  return (
    <>
      <button
        ref={opener}
        type="button"
        class={css.served}
        data-state={cell.state}
        title={cell.served}
        tabIndex={-1}
        aria-haspopup="dialog"
        disabled={cell.managedBy?.locked || !actions.mayChange(environment.key)}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {cell.state === 'held' && <Icon name="pause" size={12} />}
        {cell.state === 'disabled' && <Icon name="ban" size={12} />}
        <span class={css.words}>{cell.state === 'disabled' ? 'disabled' : cell.served}</span>
      </button>
      {isOpen && (
        <Rollout
          anchor={opener}
          name={name}
          environment={environment}
          onSave={(percent) => actions.rollOut(name, cell, percent)}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  )
}

type QuestionProps = { readonly text: string; readonly onConfirm: () => void; readonly onCancel: () => void }

/** The confirmation of a protected environment, in place of the cell. */
function Question({ text, onConfirm, onCancel }: QuestionProps) {
  const frame = useRef<HTMLFieldSetElement>(null)
  useLayoutEffect(() => frame.current?.querySelector('button')?.focus(), [])
  return (
    <fieldset
      ref={frame}
      class={css.question}
      aria-label={text}
      onKeyDown={(event) => {
        event.stopPropagation()
        if (event.key === 'Escape') onCancel()
      }}
    >
      <span class={css.questionText}>{text}</span>
      <Button size="small" kind="primary" onClick={onConfirm}>
        Confirm
      </Button>
      <Button size="small" kind="quiet" onClick={onCancel}>
        Cancel
      </Button>
    </fieldset>
  )
}

const HEIGHT = 14
const BAR = 2

/** The evaluations of each of the last 24 hours; a mark where the flag is stale. */
function Activity({ cell: { evaluations24h, stale } }: { readonly cell: MatrixCell }) {
  if (stale !== null)
    return (
      <span class={css.stale} title={STALE[stale]}>
        <Icon name="clock" size={13} />
        <span class="visuallyHidden">{STALE[stale]}</span>
      </span>
    )
  if (!evaluations24h) return null
  const most = Math.max(...evaluations24h, 1)
  const sum = evaluations24h.reduce((total, count) => total + count, 0)
  const bars = evaluations24h.map((count, hour) => {
    const height = Math.max(count > 0 ? 1 : 0, Math.round((count / most) * HEIGHT))
    return `M${hour * BAR + 0.5} ${HEIGHT}v-${height}`
  })
  const text = `${sum.toLocaleString('en')} evaluations in 24 hours`
  return (
    <svg class={css.activity} width={24 * BAR} height={HEIGHT} role="img" aria-label={text}>
      <title>{text}</title>
      <path d={bars.join('')} />
    </svg>
  )
}
