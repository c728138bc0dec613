import { useState } from 'preact/hooks'
import { mistakesOf } from '../../api/mistakes.ts'
import { useWrite } from '../../api/write.ts'
import { FormError, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'

type SegmentNameProps = {
  readonly title: string
  readonly hint: string
  /** Throws ApiError; a mistake in `/name` is shown at the field. */
  readonly onCreate: (name: string) => Promise<void>
  readonly onClose: () => void
}

/** Asks for the name of a new segment. */
export function SegmentName({ title, hint, onCreate, onClose }: SegmentNameProps) {
  const [name, setName] = useState('')
  const { run, isBusy, error } = useWrite(() => onCreate(name))
  const { fields, rest } = mistakesOf(error, ['name'])
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={() => name !== '' && run()}
      actions={
        <FormActions onCancel={onClose} isDisabled={name === '' || isBusy}>
          Create
        </FormActions>
      }
    >
      <TextField
        label="Name"
        mono
        data-autofocus=""
        value={name}
        placeholder="beta-testers"
        error={fields['name']}
        hint={hint}
        onInput={(event) => setName(event.currentTarget.value.trim())}
      />
      <FormError text={rest} />
    </Dialog>
  )
}
