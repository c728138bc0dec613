import { useId } from 'preact/hooks'
import type { Side } from '../../../flag/compare/merge-flag.ts'
import * as css from './compare.module.css'
import type { NamedPair } from './pair-choice.tsx'

type SideChoiceProps = {
  /** What is chosen, for assistive technology. */
  readonly label: string
  readonly pair: NamedPair
  readonly side: Side | undefined
  readonly onPick: (side: Side) => void
}

/** Which environment a part is taken from. */
export function SideChoice({ label, pair, side, onPick }: SideChoiceProps) {
  const name = useId()
  return (
    <fieldset class={css.sides} data-open={side === undefined || undefined}>
      <legend class="visuallyHidden">{label}</legend>
      {(['source', 'target'] as const).map((each) => (
        <label key={each} class={css.side}>
          <input type="radio" name={name} checked={side === each} onChange={() => onPick(each)} />
          {each === 'source' ? `Take from ${pair.source.name}` : `Keep ${pair.target.name}’s`}
        </label>
      ))}
    </fieldset>
  )
}
