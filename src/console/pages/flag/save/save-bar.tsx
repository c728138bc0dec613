import { useState } from 'preact/hooks'
import type { DifferenceSentence } from '../../../diff/conditions.ts'
import { Button, IconButton } from '../../../parts/controls/button.tsx'
import * as field from '../../../parts/controls/field.module.css'
import { DifferenceList, LineDifferences } from '../../../parts/display/differences.tsx'
import { Time } from '../../../parts/display/time.tsx'
import { Dialog } from '../../../parts/overlays/dialog.tsx'
import type { TextDraft } from '../use-text-draft.ts'
import * as css from './save.module.css'

type ForeignChange = {
  readonly change: { readonly actor: string; readonly at: string } | undefined
  readonly differences: readonly DifferenceSentence[]
}

type SaveBarProps = {
  readonly control: TextDraft
  /** What the draft changes; undefined while its text is not JSON. */
  readonly differences: readonly DifferenceSentence[] | undefined
  /** What saving does to users or flags, in one sentence without full stop. */
  readonly effect: string
  /** Undefined: changes need no confirmation here. */
  readonly protectedName: string | undefined
  /** Why the service would refuse the text. */
  readonly mistakes: readonly { readonly message: string }[]
  readonly isSaving: boolean
  /** What others stored since the draft was begun, where they did: their last change, if it is read yet, and what differs. */
  readonly foreign: ForeignChange
  readonly onSave: (comment: string) => void
  readonly onDiscard: () => void
  readonly onMerge: () => void
}

/** What is not saved yet: how many changes, their effect, a comment, and the way to save or discard it. */
export function SaveBar(props: SaveBarProps) {
  const { control, differences, effect, protectedName, mistakes, isSaving, onSave, onDiscard, onMerge } = props
  const { draft, isOutdated, undo, redo } = control
  const [comment, setComment] = useState('')
  const [isConfirming, setConfirming] = useState(false)
  const [isReviewing, setReviewing] = useState(false)
  const save = () => {
    if (protectedName === undefined || isConfirming) onSave(comment)
    else setConfirming(true)
  }
  const isDisabled = mistakes.length > 0 || isSaving
  return (
    <section class={css.bar} aria-label="Changes that are not saved">
      {isOutdated && <Strip foreign={props.foreign} onMerge={onMerge} />}
      <div class={css.row}>
        <div class={css.words}>
          <strong>{countText(differences?.length)}</strong>
          <span class={css.moves}>{mistakes[0]?.message ?? effect}</span>
        </div>
        <IconButton icon="undo" label="Undo" disabled={draft.done.length === 0} onClick={undo} />
        <IconButton icon="redo" label="Redo" disabled={draft.undone.length === 0} onClick={redo} />
        <input
          type="text"
          class={`${field.input} ${css.comment}`}
          aria-label="Comment"
          placeholder="Comment"
          maxLength={2000}
          value={comment}
          onInput={({ currentTarget }) => setComment(currentTarget.value)}
        />
        <div class={css.actions}>
          <Button kind="quiet" onClick={onDiscard}>
            Discard
          </Button>
          <Button onClick={() => setReviewing(true)}>Review</Button>
          <SaveButton name={isConfirming ? protectedName : undefined} isDisabled={isDisabled} onClick={save} />
        </div>
      </div>
      {isReviewing && <Review {...props} onClose={() => setReviewing(false)} />}
    </section>
  )
}

type StripProps = { readonly foreign: ForeignChange; readonly onMerge: () => void }

/** Says who changed the same meanwhile, shows how, and leads to the merge. */
function Strip({ foreign: { change, differences }, onMerge }: StripProps) {
  const [isShown, setShown] = useState(false)
  const close = () => setShown(false)
  return (
    <div class={css.strip}>
      <p role="status">
        {change ? (
          <>
            Changed by {change.actor} <Time at={change.at} />
          </>
        ) : (
          'Changed meanwhile'
        )}
        : {countText(differences.length)}
      </p>
      <Button size="small" onClick={() => setShown(true)}>
        Show
      </Button>
      <Button size="small" onClick={onMerge}>
        Merge
      </Button>
      {isShown && (
        <Dialog title="Changed meanwhile" wide onClose={close} actions={<Button onClick={close}>Close</Button>}>
          <DifferenceList differences={differences} />
        </Dialog>
      )}
    </div>
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

type ReviewProps = Pick<SaveBarProps, 'control' | 'differences' | 'effect'> & { readonly onClose: () => void }

function Review({ control, differences = [], effect, onClose }: ReviewProps) {
  return (
    <Dialog title="Review the changes" wide onClose={onClose} actions={<Button onClick={onClose}>Close</Button>}>
      <div class={css.review}>
        <DifferenceList differences={differences} />
        <p class={css.moves}>{effect}.</p>
        <LineDifferences label="JSON" before={control.draft.base.text} after={control.draft.text} />
      </div>
    </Dialog>
  )
}

const countText = (count: number | undefined): string => {
  if (count === undefined) return 'Not JSON yet'
  return count === 1 ? '1 change' : `${count} changes`
}
