import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { mistakesOf } from '../../api/mistakes.ts'
import { refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { paths } from '../../app/paths.ts'
import { type DraftSubject, loadDraft, removeDraft, saveDraft } from '../../draft/storage.ts'
import { CheckField, FormError, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { deleteSegment, renameSegment, type SegmentPath, type SegmentUses } from './queries.ts'
import { UsedBy } from './used-by.tsx'

type SegmentDialogProps = {
  readonly path: SegmentPath
  readonly users: SegmentUses
  /** The name of the environment where changes need a second press; undefined: they need none. */
  readonly protectedName: string | undefined
  readonly onClose: () => void
}

/** Asks for another name. */
export function RenameSegment({ path, users, protectedName, onClose }: SegmentDialogProps) {
  const [name, setName] = useState(path.name)
  const [comment, setComment] = useState('')
  const { isAsking, confirm } = useConfirmation(protectedName)
  const isSame = name === '' || name === path.name
  const { run, isBusy, error } = useAction(path, async () => {
    const { etag } = await renameSegment(path, name, comment)
    moveDraft(path, name, etag)
    showToast(`${path.name} is now ${name}`)
    return paths.segment(path.project, path.environment, name)
  })
  const { fields, rest } = mistakesOf(error, ['to', 'comment'])
  return (
    <Dialog
      title={`Rename ${path.name}`}
      onClose={onClose}
      onSubmit={() => !isSame && confirm(run)}
      actions={
        <FormActions onCancel={onClose} isDangerous={isAsking} isDisabled={isSame || isBusy}>
          {isAsking ? `Confirm: change ${protectedName}` : 'Rename'}
        </FormActions>
      }
    >
      <TextField
        label="New name"
        mono
        data-autofocus=""
        value={name}
        error={fields['to']}
        hint={users.count === 0 ? 'No rule refers to it' : `All ${users.count} rules that use it are changed with it`}
        onInput={(event) => setName(event.currentTarget.value.trim())}
      />
      <CommentField comment={comment} error={fields['comment']} onComment={setComment} />
      <FormError text={rest} />
    </Dialog>
  )
}

/** Asks before a segment is deleted, and shows who uses it: then it can be deleted only if all users are disabled flags. */
export function DeleteSegment({ path, users, protectedName, onClose }: SegmentDialogProps) {
  const [isForced, setForced] = useState(false)
  const [comment, setComment] = useState('')
  const { isAsking, confirm } = useConfirmation(protectedName)
  const isUsed = users.count > 0
  const isRefused = isUsed && !isForced
  const { run, isBusy, error } = useAction(path, async () => {
    await deleteSegment(path, isForced, comment)
    removeDraft(sessionStorage, subjectOf(path))
    showToast(`${path.name} is deleted`)
    return `${paths.segments(path.project)}?environment=${path.environment}`
  })
  const { fields, rest } = mistakesOf(error, ['comment'])
  return (
    <Dialog
      title={`Delete ${path.name}?`}
      onClose={onClose}
      onSubmit={() => isRefused || confirm(run)}
      actions={
        <FormActions onCancel={onClose} isDangerous isDisabled={isRefused || isBusy}>
          {isAsking ? `Confirm: change ${protectedName}` : 'Delete'}
        </FormActions>
      }
    >
      {isUsed ? (
        <>
          <p>It is in use. Remove it from these rules first:</p>
          <UsedBy path={path} users={users} />
          {users.segments.length === 0 && (
            <CheckField
              label="Delete it all the same. Allowed if all these flags are disabled"
              checked={isForced}
              onChange={(event) => setForced(event.currentTarget.checked)}
            />
          )}
        </>
      ) : (
        <p>No rule uses it. The record of changes keeps its rule.</p>
      )}
      <CommentField comment={comment} error={fields['comment']} onComment={setComment} />
      <FormError text={rest} />
    </Dialog>
  )
}

const subjectOf = ({ project, environment, name }: SegmentPath): DraftSubject => {
  return { kind: 'segment', project, environment, name }
}

/** A draft follows its segment to the new name, on the version that the renaming made. */
function moveDraft(path: SegmentPath, name: string, etag: string | undefined): void {
  const draft = loadDraft(sessionStorage, subjectOf(path))
  if (draft) saveDraft(sessionStorage, subjectOf({ ...path, name }), { ...draft, base: { ...draft.base, etag } })
  removeDraft(sessionStorage, subjectOf(path))
}

/** In a protected environment the first press asks, and the second acts. */
function useConfirmation(protectedName: string | undefined) {
  const [isAsking, setAsking] = useState(false)
  const confirm = (act: () => void) => (protectedName === undefined || isAsking ? act() : setAsking(true))
  return { isAsking, confirm }
}

type CommentFieldProps = {
  readonly comment: string
  readonly error: string | undefined
  readonly onComment: (comment: string) => void
}

const CommentField = ({ comment, error, onComment }: CommentFieldProps) => (
  <TextField
    label="Comment"
    hint="For the record of changes"
    maxLength={2000}
    value={comment}
    error={error}
    onInput={({ currentTarget }) => onComment(currentTarget.value)}
  />
)

/** A change that leads to the page whose path it returns. */
function useAction({ project }: SegmentPath, change: () => Promise<string>) {
  const queries = useQueryClient()
  const { route } = useLocation()
  return useWrite(async () => {
    route(await change())
    await refreshProject(queries, project)
  })
}
