import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { call } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'
import { refreshProject } from '../../api/queries.ts'
import { Button } from '../../parts/controls/button.tsx'
import { CheckField, TextArea, TextField } from '../../parts/controls/field.tsx'
import { Badge } from '../../parts/display/badge.tsx'
import { Dialog } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import * as css from './flag.module.css'

export type FlagProperties = Api['GET /api/v1/projects/{project}/flags/{key}']['response']
type FlagChange = Api['PATCH /api/v1/projects/{project}/flags/{key}']['body']

type FlagHeadProps = {
  readonly project: string
  readonly flag: FlagProperties
  readonly etag: string | undefined
  readonly isReadOnly: boolean
}

/** What the flag has in common in all environments: type, tags, owner, description. */
export function FlagHead({ project, flag, etag, isReadOnly }: FlagHeadProps) {
  const [isEditing, setEditing] = useState(false)
  const change = useFlagChange(project, flag.key, etag)
  return (
    <div class={css.facts}>
      <Badge>{flag.type}</Badge>
      {flag.permanent && <Badge icon="lock">permanent</Badge>}
      {flag.archived && (
        <Badge tone="warn" icon="archive">
          archived
        </Badge>
      )}
      {flag.tags.map((tag) => (
        <Badge key={tag} tone="accent" icon="tag">
          {tag}
        </Badge>
      ))}
      {flag.owner !== '' && (
        <Badge icon="user" title="Owner">
          {flag.owner}
        </Badge>
      )}
      <span class={css.description}>{flag.description}</span>
      {!isReadOnly && (
        <>
          <Button size="small" kind="quiet" icon="edit" onClick={() => setEditing(true)}>
            Edit
          </Button>
          <Button
            size="small"
            kind="quiet"
            icon={flag.archived ? 'restore' : 'archive'}
            onClick={() => void change({ archived: !flag.archived }, flag.archived ? 'is restored' : 'is archived')}
          >
            {flag.archived ? 'Restore' : 'Archive'}
          </Button>
        </>
      )}
      {isEditing && (
        <PropertiesDialog
          flag={flag}
          onClose={() => setEditing(false)}
          onSave={async (next) => {
            if (await change(next, 'is changed')) setEditing(false)
          }}
        />
      )}
    </div>
  )
}

/** Changes the properties of a flag. The result says whether it was changed. */
function useFlagChange(project: string, key: string, etag: string | undefined) {
  const queries = useQueryClient()
  return async (change: FlagChange, did: string): Promise<boolean> => {
    try {
      await call(
        'PATCH /api/v1/projects/{project}/flags/{key}',
        { path: { project, key }, body: change },
        { ifMatch: etag },
      )
      showToast(`${key} ${did}`)
      return true
    } catch (error) {
      showToast(error instanceof Error ? error.message : String(error), { isError: true })
      return false
    } finally {
      void refreshProject(queries, project)
    }
  }
}

type PropertiesDialogProps = {
  readonly flag: FlagProperties
  readonly onClose: () => void
  readonly onSave: (change: FlagChange) => Promise<void>
}

function PropertiesDialog({ flag, onClose, onSave }: PropertiesDialogProps) {
  const [description, setDescription] = useState(flag.description)
  const [owner, setOwner] = useState(flag.owner)
  const [tags, setTags] = useState(flag.tags.join(', '))
  const [permanent, setPermanent] = useState(flag.permanent)
  const save = () => {
    const names = tags.split(',').map((tag) => tag.trim())
    void onSave({ description, owner, permanent, tags: [...new Set(names.filter((tag) => tag !== ''))] })
  }
  const actions = (
    <>
      <Button kind="quiet" onClick={onClose}>
        Cancel
      </Button>
      <Button kind="primary" type="submit">
        Save
      </Button>
    </>
  )
  return (
    <Dialog title={flag.key} onClose={onClose} onSubmit={save} actions={actions}>
      <div class={css.form}>
        <TextArea
          label="Description"
          data-autofocus
          maxLength={2000}
          value={description}
          onInput={({ currentTarget }) => setDescription(currentTarget.value)}
        />
        <TextField
          label="Owner"
          maxLength={200}
          value={owner}
          onInput={({ currentTarget }) => setOwner(currentTarget.value)}
        />
        <TextField
          label="Tags"
          hint="Separated by commas"
          value={tags}
          onInput={({ currentTarget }) => setTags(currentTarget.value)}
        />
        <CheckField
          label="Permanent: not meant to be removed one day"
          checked={permanent}
          onChange={({ currentTarget }) => setPermanent(currentTarget.checked)}
        />
      </div>
    </Dialog>
  )
}
