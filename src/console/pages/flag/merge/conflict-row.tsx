import { useId, useState } from 'preact/hooks'
import type { Conflict, MergeChoice } from '../../../draft/merged.ts'
import { print } from '../../../rules/print.ts'
import type { MergeKind } from './kinds.ts'
import * as css from './merge.module.css'

type ConflictRowProps = {
  readonly kind: MergeKind
  readonly conflict: Conflict
  /** The version that both changes started from. */
  readonly base: unknown
  readonly choice: MergeChoice | undefined
  readonly onChoose: (choice: MergeChoice | undefined) => void
  /** What this choice would serve, in words. */
  readonly result: (choice: MergeChoice) => string | undefined
}

/** One part that both have changed: theirs, mine, or a new text. */
export function ConflictRow({ kind, conflict, base, choice, onChoose, result }: ConflictRowProps) {
  const name = useId()
  const [isEditing, setEditing] = useState(false)
  const title = kind.title(conflict, base)
  const say = (value: unknown) => kind.say(conflict, value, base)
  const pick = (side: 'mine' | 'theirs') => {
    setEditing(false)
    onChoose(side)
  }
  const edit = () => {
    setEditing(true)
    onChoose({ value: conflict.mine })
  }
  return (
    <fieldset class={css.conflict}>
      <legend>{title}</legend>
      <p class={css.before}>Before: {say(conflict.base)}</p>
      {(['theirs', 'mine'] as const).map((side) => (
        <label key={side} class={css.choice}>
          <input type="radio" name={name} checked={choice === side} onChange={() => pick(side)} />
          <span class={css.side}>{side === 'mine' ? 'Mine' : 'Theirs'}</span>
          <span class={css.words}>
            {say(conflict[side])}
            <Outcome text={result(side)} />
          </span>
        </label>
      ))}
      <label class={css.choice}>
        <input type="radio" name={name} checked={isEditing} onChange={edit} />
        <span class={css.side}>Edit</span>
        <span class={css.words}>Write this part anew, as JSON</span>
      </label>
      {isEditing && <PartEditor label={title} start={conflict.mine} onChoose={onChoose} />}
    </fieldset>
  )
}

const Outcome = ({ text }: { readonly text: string | undefined }) =>
  text === undefined ? null : <span class={css.outcome}>{text}</span>

type PartEditorProps = {
  readonly label: string
  readonly start: unknown
  readonly onChoose: ConflictRowProps['onChoose']
}

/** JSON of one part. As long as it is no JSON, there is no choice. An empty text removes the part. */
function PartEditor({ label, start, onChoose }: PartEditorProps) {
  const [text, setText] = useState(start === undefined ? '' : print(start, ''))
  const change = (next: string) => {
    setText(next)
    try {
      onChoose({ value: next.trim() === '' ? undefined : JSON.parse(next) })
    } catch {
      onChoose(undefined)
    }
  }
  return (
    <textarea
      class={css.editor}
      aria-label={`${label} as JSON`}
      spellcheck={false}
      rows={Math.min(12, text.split('\n').length + 1)}
      value={text}
      onInput={(event) => change(event.currentTarget.value)}
    />
  )
}
