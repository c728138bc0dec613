import { useState } from 'preact/hooks'
import { CODE_DEFAULT } from '../../../../flag/verbs.ts'
import { Button, IconButton } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { Card } from '../../../parts/display/table.tsx'
import { removeVariant, renameVariant, setDefaultVariant, setVariant } from '../../../rules/variants.ts'
import type { DefinitionView, OutcomeView } from '../../../rules/view.ts'
import { useRuleEditor } from '../builder/editor.ts'
import type { ValueType } from '../queries.ts'
import { VariantValue } from './variant-value.tsx'
import * as css from './variants.module.css'

type VariantsCardProps = {
  readonly definition: DefinitionView
  readonly type: ValueType
  /** The share of the evaluations of 24 hours, from 0 to 1; undefined while it is not known. */
  readonly shares: ReadonlyMap<string, number> | undefined
}

/** The values that the flag can have: names, values, how many rules use them, and the default. */
export function VariantsCard({ definition, type, shares }: VariantsCardProps) {
  const { apply, isReadOnly } = useRuleEditor()
  const { variants, defaultVariant } = definition
  const add = () => {
    const name = freeName(variants.map((each) => each.name))
    apply((text) => setVariant(text, name, FIRST_VALUES[type]), 'add variant')
  }
  return (
    <Card title="Variants">
      <ul class={css.variants}>
        {variants.map(({ name, value }, index) => (
          <li key={index} class={css.variant}>
            <span class={css.swatch} data-color={(index % 5) + 1} aria-hidden="true" />
            <VariantName name={name} taken={variants.map((each) => each.name)} />
            <VariantValue name={name} value={value} type={type} />
            <span class={css.note}>
              {usesText(usesOf(definition, name))}
              {shares?.has(name) && ` · ${Number((100 * (shares.get(name) ?? 0)).toFixed(1))} % of 24 h`}
            </span>
            {!isReadOnly && variants.length > 1 && (
              <IconButton
                icon="trash"
                label={`Remove ${name}`}
                size={14}
                onClick={() => apply((text) => removeVariant(text, name), 'remove variant')}
              />
            )}
          </li>
        ))}
      </ul>
      <div class={css.foot}>
        {!isReadOnly && (
          <Button size="small" kind="quiet" icon="plus" onClick={add}>
            Variant
          </Button>
        )}
        <label class={css.defaultField}>
          <span>Default</span>
          <select
            class={field.input}
            disabled={isReadOnly}
            value={defaultVariant ?? ''}
            onChange={({ currentTarget: { value } }) =>
              apply((text) => setDefaultVariant(text, value === '' ? null : value), 'default variant')
            }
          >
            {defaultVariant !== null && !variants.some(({ name }) => name === defaultVariant) && (
              <option value={defaultVariant}>{defaultVariant} (no variant)</option>
            )}
            {variants.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
            <option value="">{CODE_DEFAULT}</option>
          </select>
        </label>
      </div>
    </Card>
  )
}

const FIRST_VALUES: Readonly<Record<ValueType, unknown>> = { boolean: false, string: '', number: 0, object: {} }

function freeName(taken: readonly string[]): string {
  let number = taken.length + 1
  while (taken.includes(`variant-${number}`)) number += 1
  return `variant-${number}`
}

/** Renamed when the field is left, in the rules as well. */
function VariantName({ name, taken }: { name: string; taken: readonly string[] }) {
  const { apply, isReadOnly } = useRuleEditor()
  const [typed, setTyped] = useState<string>()
  const isWrong = typed !== undefined && typed !== name && (typed === '' || taken.includes(typed))
  const commit = () => {
    if (typed !== undefined && typed !== name && !isWrong)
      apply((text) => renameVariant(text, name, typed), 'rename variant')
    setTyped(undefined)
  }
  return (
    <input
      type="text"
      class={`${field.input} ${css.name}`}
      aria-label={`Name of variant ${name}`}
      aria-invalid={isWrong}
      disabled={isReadOnly}
      autocomplete="off"
      spellcheck={false}
      value={typed ?? name}
      onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit()
      }}
    />
  )
}

const usesText = (uses: number): string =>
  uses === 0 ? 'not used by a rule' : uses === 1 ? 'used by 1 rule' : `used by ${uses} rules`

/** How many rules can give a variant, "otherwise" included. */
function usesOf({ rules, otherwise }: DefinitionView, name: string): number {
  const outcomes: OutcomeView[] = [...rules.map(({ result }) => result), ...(otherwise ? [otherwise] : [])]
  return outcomes.filter((outcome) => {
    if (outcome.kind === 'result') return outcome.variant === name
    if (outcome.kind === 'split') return outcome.shares.some(({ variant }) => variant === name)
    return JSON.stringify(outcome.value).includes(JSON.stringify(name))
  }).length
}
