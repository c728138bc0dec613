import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import type { MatrixFlag } from '../../api/matrix.ts'
import { refreshProject } from '../../api/queries.ts'
import { Button } from '../../parts/controls/button.tsx'
import { SelectField, TextField } from '../../parts/controls/field.tsx'
import { Dialog } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { createFlag } from './flag-writes.ts'

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

/** A new flag: its key is enough. */
export function CreateFlag({ project, environments, onClose, onCreated }: CreateProps) {
  const queries = useQueryClient()
  const [key, setKey] = useState('')
  const [type, setType] = useState<MatrixFlag['type']>('boolean')
  const [description, setDescription] = useState('')
  const [error, setError] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const create = async () => {
    if (key === '' || isBusy) return
    setBusy(true)
    try {
      await createFlag(project, environments, { key, type, description })
      await refreshProject(queries, project)
      showToast(`${key} is created, off in all environments`)
      onClose()
      onCreated(key, type)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      setError(failure.mistakes[0]?.detail ?? failure.message)
      setBusy(false)
    }
  }
  return (
    <Dialog
      title="New flag"
      onClose={onClose}
      onSubmit={() => void create()}
      actions={
        <>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button kind="primary" type="submit" disabled={key === '' || isBusy}>
            Create
          </Button>
        </>
      }
    >
      <TextField
        label="Key"
        mono
        data-autofocus=""
        value={key}
        placeholder="new-checkout"
        error={error}
        hint="What applications ask for. It cannot be changed later"
        onInput={(event) => {
          setKey(event.currentTarget.value.trim())
          setError(undefined)
        }}
      />
      <SelectField label="Type" value={type} onChange={(event) => setType(typeOf(event.currentTarget.value))}>
        {TYPES.map(({ type, label }) => (
          <option key={type} value={type}>
            {label}
          </option>
        ))}
      </SelectField>
      <TextField
        label="Description"
        value={description}
        hint="What it switches, and when it may go. Optional"
        onInput={(event) => setDescription(event.currentTarget.value)}
      />
    </Dialog>
  )
}
