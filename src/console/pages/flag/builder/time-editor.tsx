import * as field from '../../../parts/controls/field.module.css'
import { localTime, timeOf } from '../../../parts/display/local-time.ts'
import { setOperator, setValues } from '../../../rules/conditions.ts'
import type { TimeView } from '../../../rules/view.ts'
import * as css from './builder.module.css'
import { useRuleEditor } from './editor.ts'
import { TIME_OPERATORS, timeOperatorName } from './values/operators.ts'

const UTC = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** A comparison of the time of the evaluation, in the viewer's time zone, with the same time in UTC. */
export function TimeEditor({ time: { path, operator, values } }: { time: TimeView }) {
  const { apply, isReadOnly } = useRuleEditor()
  return (
    <div class={css.clause}>
      <span class={css.word}>The time</span>
      <select
        class={field.input}
        aria-label="Operator"
        disabled={isReadOnly}
        value={operator}
        onChange={({ currentTarget }) =>
          apply((text) => setOperator(text, path, currentTarget.value as TimeView['operator']), 'operator')
        }
      >
        {TIME_OPERATORS.map((each) => (
          <option key={each} value={each}>
            {timeOperatorName(each)}
          </option>
        ))}
      </select>
      {values.map((seconds, index) => (
        <span key={index} class={css.time}>
          <input
            type="datetime-local"
            class={field.input}
            aria-label={`Date and time, ${ZONE}`}
            disabled={isReadOnly}
            value={localTime(seconds * 1_000)}
            onChange={({ currentTarget }) => {
              const time = timeOf(currentTarget.value)
              if (time !== undefined) apply((text) => setValues(text, path, values.with(index, time / 1_000)), 'time')
            }}
          />
          <span class={css.note}>
            {ZONE}; {UTC.format(seconds * 1_000)} UTC
          </span>
        </span>
      ))}
    </div>
  )
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone
