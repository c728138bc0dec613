import { useQueryClient } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { queryKeys, refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { focusContent } from '../../app/page.tsx'
import { FormError, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'

type DeleteDialogProps = {
  readonly what: 'project' | 'environment'
  /** What must be typed: the key. */
  readonly name: string
  readonly project: string
  readonly write: () => Promise<void>
  readonly onClose: () => void
  /** What is lost. */
  readonly children: ComponentChildren
}

/** Deletes a project or an environment after its key was typed. */
export function DeleteDialog({ what, name, project, write, onClose, children }: DeleteDialogProps) {
  const queries = useQueryClient()
  const [typed, setTyped] = useState('')
  const { run, isBusy, error } = useWrite(async () => {
    try {
      await write()
    } finally {
      await queries.invalidateQueries({ queryKey: queryKeys.projects })
      if (what === 'environment') await refreshProject(queries, project)
    }
    showToast(`The ${what} ${name} is deleted`)
    onClose()
    requestAnimationFrame(focusContent)
  })
  const isTyped = typed === name
  const actions = (
    <FormActions onCancel={onClose} cancel="Keep" isDangerous isDisabled={!isTyped || isBusy}>
      Delete
    </FormActions>
  )
  return (
    <Dialog title={`Delete ${what} ${name}`} onClose={onClose} onSubmit={() => isTyped && run()} actions={actions}>
      <p>{children}</p>
      <TextField
        label={`Type ${name} to confirm`}
        mono
        data-autofocus=""
        value={typed}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <FormError text={error?.message} />
    </Dialog>
  )
}
