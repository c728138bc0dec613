import * as field from '../../../parts/controls/field.module.css'
import { useRuleEditor } from './editor.ts'

type VariantMenuProps = {
  readonly label: string
  readonly value: string | null
  readonly onChange: (variant: string | null) => void
}

const DEFAULT = ' default' // no variant is offered under this name, because names are trimmed by the evaluator

/** A choice of one variant, or of the default variant. A variant that does not exist stays visible. */
export function VariantMenu({ label, value, onChange }: VariantMenuProps) {
  const { variants, isReadOnly } = useRuleEditor()
  const isUnknown = value !== null && !variants.includes(value)
  return (
    <select
      class={field.input}
      aria-label={label}
      aria-invalid={isUnknown}
      disabled={isReadOnly}
      value={value ?? DEFAULT}
      onChange={({ currentTarget }) => onChange(currentTarget.value === DEFAULT ? null : currentTarget.value)}
    >
      {isUnknown && <option value={value}>{value} (no variant)</option>}
      {variants.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
      <option value={DEFAULT}>default variant</option>
    </select>
  )
}
