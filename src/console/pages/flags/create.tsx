import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import type { MatrixFlag } from '../../api/matrix.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { FormError, SelectField, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { createFlag, defineFlag } from './flag-writes.ts'

type CreateProps = {
  readonly project: string
  readonly environments: readonly string[]
  readonly onClose: () => void
  readonly onCreated: (key: string, type: MatrixFlag['type']) => void
}

const TYPES: readonly { readonly type: MatrixFlag['type']; readonly label: string }[] = [
  { type: 'boolean', label: 'Boolean: on or off' },
  { type: 'string', label: 'Text' },
  { type: 'number', label: 'Number' },
  { type: 'object', label: 'JSON object' },
]

const typeOf = (value: string) => TYPES.find(({ type }) => type === value)?.type ?? 'boolean'

const FIELDS = ['key', 'type', 'description']

/** A new flag: its key is enough. After a failure between its environments it stays as it was sent, and the next run does the rest. */
export function CreateFlag({ project, environments, onClose, onCreated }: CreateProps) {
  const queries = useQueryClient()
  const [key, setKey] = useState('')
  const [type, setType] = useState<MatrixFlag['type']>('boolean')
  const [description, setDescription] = useState('')
  const [isCreated, setCreated] = useState(false)
  const { run, isBusy, error } = useWrite(async () => {
    if (!isCreated) await createFlag(project, { key, type, description })
    setCreated(true)
    await defineFlag(project, environments, { key, type })
    await refreshProject(queries, project)
    showToast(`${key} is created, off in all environments`)
    onClose()
    onCreated(key, type)
  })
  const { fields, rest } = mistakesOf(error, FIELDS)
  return (
    <Dialog
      title="New flag"
      onClose={onClose}
      onSubmit={() => key !== '' && run()}
      actions={
        <FormActions onCancel={onClose} isDisabled={key === '' || isBusy}>
          Create
        </FormActions>
      }
    >
      <TextField
        label="Key"
        mono
        data-autofocus=""
        value={key}
        placeholder="new-checkout"
        readOnly={isCreated}
        error={fields['key']}
        hint="What applications ask for. It cannot be changed later"
        onInput={(event) => setKey(event.currentTarget.value.trim())}
      />
      <SelectField
        label="Type"
        value={type}
        disabled={isCreated}
        error={fields['type']}
        onChange={(event) => setType(typeOf(event.currentTarget.value))}
      >
        {TYPES.map(({ type, label }) => (
          <option key={type} value={type}>
            {label}
          </option>
        ))}
      </SelectField>
      <TextField
        label="Description"
        value={description}
        readOnly={isCreated}
        error={fields['description']}
        hint="What it switches, and when it may go. Optional"
        onInput={(event) => setDescription(event.currentTarget.value)}
      />
      <FormError text={rest} />
    </Dialog>
  )
}
