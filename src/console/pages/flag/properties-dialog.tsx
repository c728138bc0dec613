import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { call } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { patchOf, writePatch } from '../../api/patch.ts'
import { refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { CheckField, FormError, TextArea, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import * as css from './flag.module.css'

const FLAG = '/api/v1/projects/{project}/flags/{key}' as const
export type FlagProperties = Api[`GET ${typeof FLAG}`]['response']
type FlagPatch = Partial<Pick<FlagProperties, 'description' | 'owner' | 'tags' | 'permanent' | 'archived'>>

type FlagWrite = {
  readonly project: string
  /** The version that the page showed. */
  readonly seen: FlagProperties
  readonly patch: FlagPatch
  readonly onConflict?: (current: FlagProperties) => void
}

/** Changes what a flag has in common in all environments. Throws ApiError; `stale` where the same was changed meanwhile. */
export function changeFlag({ project, seen, patch, onConflict }: FlagWrite): Promise<void> {
  const path = { project, key: seen.key }
  return writePatch<FlagProperties>(seen, patch, {
    tagOf: ({ version }) => `"${version}"`,
    read: async () => (await call(`GET ${FLAG}`, { path })).data,
    write: (ifMatch) => call(`PATCH ${FLAG}`, { path, body: patch }, { ifMatch }),
    onConflict,
  })
}

type PropertiesDialogProps = {
  readonly project: string
  readonly flag: FlagProperties
  readonly onClose: () => void
}

const FIELDS = ['description', 'owner', 'tags', 'permanent']

/** The form of the properties of a flag. */
export function PropertiesDialog({ project, flag, onClose }: PropertiesDialogProps) {
  const queries = useQueryClient()
  const [seen, setSeen] = useState(flag)
  const [first] = useState(() => ({
    description: flag.description,
    owner: flag.owner,
    tags: flag.tags,
    permanent: flag.permanent,
  }))
  const [form, setForm] = useState(first)
  const [tags, setTags] = useState(flag.tags.join(', '))
  const { run, isBusy, error } = useWrite(async () => {
    const patch = patchOf(first, { ...form, tags: tagsOf(tags) })
    try {
      await changeFlag({ project, seen, patch, onConflict: setSeen })
    } finally {
      await refreshProject(queries, project)
    }
    showToast(`${flag.key} is changed`)
    onClose()
  })
  const { fields, rest } = mistakesOf(error, FIELDS)
  const actions = (
    <FormActions onCancel={onClose} isDisabled={isBusy}>
      Save
    </FormActions>
  )
  return (
    <Dialog title={flag.key} onClose={onClose} onSubmit={run} actions={actions}>
      <div class={css.form}>
        <TextArea
          label="Description"
          data-autofocus
          maxLength={2000}
          value={form.description}
          error={fields['description']}
          onInput={({ currentTarget }) => setForm({ ...form, description: currentTarget.value })}
        />
        <TextField
          label="Owner"
          maxLength={200}
          value={form.owner}
          error={fields['owner']}
          onInput={({ currentTarget }) => setForm({ ...form, owner: currentTarget.value })}
        />
        <TextField
          label="Tags"
          hint="Separated by commas"
          value={tags}
          error={fields['tags']}
          onInput={({ currentTarget }) => setTags(currentTarget.value)}
        />
        <CheckField
          label="Permanent: not meant to be removed one day"
          checked={form.permanent}
          onChange={({ currentTarget }) => setForm({ ...form, permanent: currentTarget.checked })}
        />
        <FormError text={fields['permanent'] ?? rest} />
      </div>
    </Dialog>
  )
}

/** The tags in a text with commas, each once. */
function tagsOf(text: string): string[] {
  const names = text.split(',').map((tag) => tag.trim())
  return [...new Set(names.filter((tag) => tag !== ''))]
}
