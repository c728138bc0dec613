import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { call } from '../../api/client.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { patchOf } from '../../api/patch.ts'
import { queryKeys } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { paths } from '../../app/paths.ts'
import { FormError, TextArea, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import type { ListedProject } from './settings.ts'
import { changeProject, type ProjectForm } from './writes.ts'

type ProjectDialogProps = {
  /** Undefined for a new one. */
  readonly project?: ListedProject
  readonly onClose: () => void
}

/** Creates a project, or changes its texts. */
export function ProjectDialog({ project, onClose }: ProjectDialogProps) {
  const queries = useQueryClient()
  const { route } = useLocation()
  const [seen, setSeen] = useState(project)
  const [key, setKey] = useState(project?.key ?? '')
  const [first] = useState<ProjectForm>({ name: project?.name ?? '', description: project?.description ?? '' })
  const [form, setForm] = useState(first)
  const { run, isBusy, error } = useWrite(async () => {
    const body = { key, description: form.description, ...(form.name !== '' && { name: form.name }) }
    try {
      if (seen) await changeProject(seen, patchOf(first, form), setSeen)
      else await call('POST /api/v1/projects', { body })
    } finally {
      await queries.invalidateQueries({ queryKey: queryKeys.projects })
    }
    showToast(project ? `Project ${form.name} is saved` : `Project ${key} is created`)
    onClose()
    if (!project) route(`${paths.settings()}?project=${encodeURIComponent(key)}`)
  })
  const { fields, rest } = mistakesOf(error, ['key', 'name', 'description'])
  const actions = (
    <FormActions onCancel={onClose} isDisabled={isBusy || key === ''}>
      {project ? 'Save' : 'Create'}
    </FormActions>
  )
  return (
    <Dialog title={project ? `Project ${project.name}` : 'New project'} {...{ onClose, actions }} onSubmit={run}>
      {!project && (
        <TextField
          label="Key"
          hint="a–z, 0–9 and hyphens. It stands in URLs and cannot be changed later"
          mono
          data-autofocus=""
          value={key}
          error={fields['key']}
          onInput={(event) => setKey(event.currentTarget.value.trim())}
        />
      )}
      <TextField
        label="Name"
        hint={project ? undefined : 'The key, if empty'}
        data-autofocus={project ? '' : undefined}
        value={form.name}
        maxLength={200}
        error={fields['name']}
        onInput={(event) => setForm({ ...form, name: event.currentTarget.value })}
      />
      <TextArea
        label="Description"
        value={form.description}
        maxLength={2000}
        error={fields['description']}
        onInput={(event) => setForm({ ...form, description: event.currentTarget.value })}
      />
      <FormError text={rest} />
    </Dialog>
  )
}
