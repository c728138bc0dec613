import { useId } from 'preact/hooks'
import { Button, IconButton } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import * as css from './rollout.module.css'
import { LENGTH_UNITS, type LengthUnit, type RolloutForm, type TypedLength, type TypedStep } from './rollout-form.ts'

type ShapeFieldsProps = {
  readonly form: RolloutForm
  readonly onChange: (part: Partial<RolloutForm>) => void
}

const LENGTHS: readonly (readonly [string, TypedLength])[] = [
  ['1 day', { count: '1', unit: 'd' }],
  ['1 week', { count: '1', unit: 'w' }],
  ['4 weeks', { count: '4', unit: 'w' }],
]
const SHAPES = [
  ['ramp', 'Evenly'],
  ['steps', 'In steps'],
] as const

/** How the share grows. */
export function ShapeFields({ form, onChange }: ShapeFieldsProps) {
  const name = useId()
  return (
    <fieldset class={css.group}>
      <legend>How it grows</legend>
      <div class={css.line}>
        {SHAPES.map(([shape, label]) => (
          <label key={shape} class={field.check}>
            <input type="radio" name={name} checked={form.shape === shape} onChange={() => onChange({ shape })} />
            {label}
          </label>
        ))}
      </div>
      {form.shape === 'ramp' ? (
        <RampFields form={form} onChange={onChange} />
      ) : (
        <StepFields form={form} onChange={onChange} />
      )}
    </fieldset>
  )
}

function RampFields({ form: { from, to, length }, onChange }: ShapeFieldsProps) {
  return (
    <>
      <div class={css.line}>
        from
        <PercentInput label="From per cent" value={from} onInput={(next) => onChange({ from: next })} />
        to
        <PercentInput label="To per cent" value={to} onInput={(next) => onChange({ to: next })} />
        within
        <LengthInput label="Within" value={length} onChange={(next) => onChange({ length: next })} />
      </div>
      <div class={css.line}>
        {LENGTHS.map(([label, value]) => (
          <Button
            key={label}
            size="small"
            aria-pressed={value.count === length.count && value.unit === length.unit}
            onClick={() => onChange({ length: value })}
          >
            {label}
          </Button>
        ))}
      </div>
    </>
  )
}

function StepFields({ form: { steps }, onChange }: ShapeFieldsProps) {
  const change = (index: number, part: Partial<TypedStep>) =>
    onChange({ steps: steps.map((step, place) => (place === index ? { ...step, ...part } : step)) })
  const last = steps.at(-1)
  return (
    <ol class={css.steps}>
      {steps.map((step, index) => (
        <li key={index} class={css.line}>
          <PercentInput
            label={`Share of step ${index + 1} in per cent`}
            value={step.share}
            onInput={(share) => change(index, { share })}
          />
          after
          <LengthInput label={`Time of step ${index + 1}`} value={step} onChange={(length) => change(index, length)} />
          {steps.length > 1 && (
            <IconButton
              icon="close"
              label={`Remove step ${index + 1}`}
              onClick={() => onChange({ steps: steps.filter((_, place) => place !== index) })}
            />
          )}
        </li>
      ))}
      <li>
        <Button size="small" kind="quiet" icon="plus" onClick={() => last && onChange({ steps: [...steps, last] })}>
          Step
        </Button>
      </li>
    </ol>
  )
}

type PercentInputProps = { readonly label: string; readonly value: string; readonly onInput: (text: string) => void }

const PercentInput = ({ label, value, onInput }: PercentInputProps) => (
  <span class={css.percent}>
    <input
      type="text"
      inputMode="decimal"
      autoComplete="off"
      class={field.input}
      aria-label={label}
      value={value}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
    %
  </span>
)

type LengthInputProps = {
  readonly label: string
  readonly value: TypedLength
  readonly onChange: (length: TypedLength) => void
}

const LengthInput = ({ label, value: { count, unit }, onChange }: LengthInputProps) => (
  <span class={css.length}>
    <input
      type="text"
      inputMode="numeric"
      autoComplete="off"
      class={field.input}
      aria-label={`${label}: number`}
      value={count}
      onInput={(event) => onChange({ unit, count: event.currentTarget.value })}
    />
    <select
      class={field.input}
      aria-label={`${label}: unit`}
      value={unit}
      onChange={(event) => onChange({ count, unit: event.currentTarget.value as LengthUnit })}
    >
      {Object.entries(LENGTH_UNITS).map(([key, name]) => (
        <option key={key} value={key}>
          {name}
        </option>
      ))}
    </select>
  </span>
)
