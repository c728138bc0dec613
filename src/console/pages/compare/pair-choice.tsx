import { Button, IconButton } from '../../parts/controls/button.tsx'
import { SelectField } from '../../parts/controls/field.tsx'
import type { ListedEnvironment } from '../flag/queries.ts'
import * as css from './compare.module.css'

/** The environment that flags are carried from, and the one that they are carried to. */
export type NamedPair = { readonly source: ListedEnvironment; readonly target: ListedEnvironment }

type ShownPair = { readonly source: string; readonly target: string; readonly flag?: string | undefined }

type PairChoiceProps = {
  readonly pair: NamedPair
  readonly environments: readonly ListedEnvironment[]
  /** The one flag that is compared; undefined: all. */
  readonly flag: string | undefined
  readonly onChange: (shown: ShownPair) => void
}

/** Which two environments are compared, and of which flag. */
export function PairChoice({ pair, environments, flag, onChange }: PairChoiceProps) {
  const [source, target] = [pair.source.key, pair.target.key]
  /** Choosing the other environment exchanges both. */
  const choose = (side: 'source' | 'target', key: string) => {
    const other = side === 'source' ? target : source
    const rest = key === other ? (side === 'source' ? source : target) : other
    onChange({ ...(side === 'source' ? { source: key, target: rest } : { source: rest, target: key }), flag })
  }
  const options = environments.map(({ key, name }) => (
    <option key={key} value={key}>
      {name || key}
    </option>
  ))
  return (
    <div class={css.pair}>
      <SelectField label="From" value={source} onChange={(event) => choose('source', event.currentTarget.value)}>
        {options}
      </SelectField>
      <IconButton
        icon="compare"
        label="Exchange both"
        onClick={() => onChange({ source: target, target: source, flag })}
      />
      <SelectField label="To" value={target} onChange={(event) => choose('target', event.currentTarget.value)}>
        {options}
      </SelectField>
      {flag !== undefined && (
        <Button icon="close" onClick={() => onChange({ source, target })}>
          Only {flag}
        </Button>
      )}
    </div>
  )
}
