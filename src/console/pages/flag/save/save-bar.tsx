import { useState } from 'preact/hooks'
import { definitionDifferences } from '../../../diff/differences.ts'
import { Button, IconButton } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { DifferenceList, LineDifferences } from '../../../parts/display/differences.tsx'
import { Dialog } from '../../../parts/overlays/dialog.tsx'
import { movesBetween, sayMoves } from '../../../rules/moves.ts'
import type { DraftControl } from '../use-draft.ts'
import * as css from './save.module.css'

export type SaveBarProps = {
  readonly control: DraftControl
  /** Undefined: changes need no confirmation here. */
  readonly protectedName: string | undefined
  /** Why the service would refuse the text. */
  readonly mistakes: readonly { readonly message: string }[]
  readonly isSaving: boolean
  readonly onSave: (comment: string) => void
  readonly onDiscard: () => void
  readonly onMerge: () => void
}

/** What is not saved yet: how many changes, who moves, a comment, and the way to save or discard it. */
export function SaveBar({ control, protectedName, mistakes, isSaving, onSave, onDiscard, onMerge }: SaveBarProps) {
  const { draft, isOutdated, undo, redo } = control
  const [comment, setComment] = useState('')
  const [isConfirming, setConfirming] = useState(false)
  const [isReviewing, setReviewing] = useState(false)
  const differences = differencesOf(control)
  const save = () => {
    if (protectedName === undefined || isConfirming) onSave(comment)
    else setConfirming(true)
  }
  const isDisabled = mistakes.length > 0 || isSaving
  return (
    <section class={css.bar} aria-label="Changes that are not saved">
      {isOutdated && (
        <p class={css.strip} role="status">
          This definition was changed meanwhile.{' '}
          <Button size="small" onClick={onMerge}>
            Merge
          </Button>
        </p>
      )}
      <div class={css.row}>
        <div class={css.words}>
          <strong>{countText(control.view ? differences.length : undefined)}</strong>
          <span class={css.moves}>{mistakes[0]?.message ?? movesText(control)}</span>
        </div>
        <IconButton icon="undo" label="Undo" disabled={draft.done.length === 0} onClick={undo} />
        <IconButton icon="refresh" label="Redo" disabled={draft.undone.length === 0} onClick={redo} />
        <input
          type="text"
          class={`${field.input} ${css.comment}`}
          aria-label="Comment"
          placeholder="Comment"
          maxLength={2000}
          value={comment}
          onInput={({ currentTarget }) => setComment(currentTarget.value)}
        />
        <Button kind="quiet" onClick={onDiscard}>
          Discard
        </Button>
        <Button onClick={() => setReviewing(true)}>Review</Button>
        <SaveButton name={isConfirming ? protectedName : undefined} isDisabled={isDisabled} onClick={save} />
      </div>
      {isReviewing && <Review control={control} onClose={() => setReviewing(false)} />}
    </section>
  )
}

type SaveButtonProps = { readonly name: string | undefined; readonly isDisabled: boolean; readonly onClick: () => void }

/** In a protected environment the first press asks, and the second saves. It is one button, so the focus stays on it. */
function SaveButton({ name, isDisabled, onClick }: SaveButtonProps) {
  return (
    <Button kind={name === undefined ? 'primary' : 'danger'} disabled={isDisabled} onClick={onClick}>
      {name === undefined ? 'Save' : `Confirm: change ${name}`}
    </Button>
  )
}

function Review({ control, onClose }: { control: DraftControl; onClose: () => void }) {
  return (
    <Dialog title="Review the changes" wide onClose={onClose} actions={<Button onClick={onClose}>Close</Button>}>
      <div class={css.review}>
        <DifferenceList differences={differencesOf(control)} />
        <p class={css.moves}>{movesText(control)}.</p>
        <LineDifferences label="JSON" before={control.draft.base.text} after={control.draft.text} />
      </div>
    </Dialog>
  )
}

const countText = (count: number | undefined): string => {
  if (count === undefined) return 'Not JSON yet'
  return count === 1 ? '1 change' : `${count} changes`
}

const differencesOf = ({ draft, definition }: DraftControl) =>
  definitionDifferences(JSON.parse(draft.base.text), definition)

function movesText({ draft }: DraftControl): string {
  const moves = movesBetween(draft.base.text, draft.text)
  if (!moves) return 'The text is no JSON'
  const sentence = sayMoves(moves)
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`
}
