import { useId } from 'preact/hooks'
import * as field from '../../../parts/controls/field.module.css'
import { localTime } from '../../../parts/display/local-time.ts'
import { HERE } from './moments.ts'
import * as css from './rollout.module.css'
import type { RolloutForm } from './rollout-form.ts'

type StartFieldsProps = {
  readonly start: RolloutForm['start']
  readonly onChange: (start: RolloutForm['start']) => void
}

const HOUR_MS = 3_600_000

/** When a rollout begins: now, or at a local time of a time zone. */
export function StartFields({ start, onChange }: StartFieldsProps) {
  const name = useId()
  const zones = useId()
  return (
    <fieldset class={css.group}>
      <legend>When it begins</legend>
      <div class={css.line}>
        <label class={field.check}>
          <input type="radio" name={name} checked={start === undefined} onChange={() => onChange(undefined)} />
          Now
        </label>
        <label class={field.check}>
          <input
            type="radio"
            name={name}
            checked={start !== undefined}
            onChange={() => onChange({ local: localTime(Date.now() + HOUR_MS), zone: HERE })}
          />
          At a time
        </label>
      </div>
      {start && (
        <div class={css.line}>
          <input
            type="datetime-local"
            class={field.input}
            aria-label="Begins at"
            value={start.local}
            onInput={(event) => onChange({ ...start, local: event.currentTarget.value })}
          />
          <input
            type="text"
            class={field.input}
            aria-label="Time zone"
            list={zones}
            value={start.zone}
            onInput={(event) => onChange({ ...start, zone: event.currentTarget.value })}
          />
          <datalist id={zones}>
            {Intl.supportedValuesOf('timeZone').map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </div>
      )}
    </fieldset>
  )
}
