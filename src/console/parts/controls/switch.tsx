import * as css from './switch.module.css'

type SwitchProps = {
  /** What it switches, such as "new-checkout in production". */
  readonly label: string
  /** `mixed`: on for a part of the users. */
  readonly state: 'on' | 'off' | 'mixed' | 'held'
  readonly onToggle: () => void
  readonly disabled?: boolean
  readonly describedBy?: string
  readonly tabIndex?: number
}

/** A switch. The words of what is served stand beside it: it never speaks by its colour alone. */
export function Switch({ label, state, onToggle, disabled, describedBy, tabIndex }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      class={css.switch}
      aria-checked={state === 'on' || state === 'mixed'}
      aria-label={label}
      aria-describedby={describedBy}
      data-state={state}
      disabled={disabled}
      tabIndex={tabIndex}
      onClick={onToggle}
    >
      <span class={css.knob} />
    </button>
  )
}
