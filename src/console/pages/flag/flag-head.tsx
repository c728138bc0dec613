import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { refreshProject } from '../../api/queries.ts'
import { Button } from '../../parts/controls/button.tsx'
import { Badge } from '../../parts/display/badge.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import * as css from './flag.module.css'
import { changeFlag, type FlagProperties, PropertiesDialog } from './properties-dialog.tsx'

type FlagHeadProps = {
  readonly project: string
  readonly flag: FlagProperties
  readonly isReadOnly: boolean
}

/** What the flag has in common in all environments: type, tags, owner, description. */
export function FlagHead({ project, flag, isReadOnly }: FlagHeadProps) {
  const [isEditing, setEditing] = useState(false)
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
          <ArchiveButton project={project} flag={flag} />
        </>
      )}
      {isEditing && <PropertiesDialog project={project} flag={flag} onClose={() => setEditing(false)} />}
    </div>
  )
}

function ArchiveButton({ project, flag }: Pick<FlagHeadProps, 'project' | 'flag'>) {
  const queries = useQueryClient()
  const { archived, key } = flag
  const change = async () => {
    try {
      await changeFlag({ project, seen: flag, patch: { archived: !archived } })
      showToast(`${key} is ${archived ? 'restored' : 'archived'}`)
    } catch (error) {
      showToast(error instanceof Error ? error.message : String(error), { isError: true })
    } finally {
      void refreshProject(queries, project)
    }
  }
  return (
    <Button size="small" kind="quiet" icon={archived ? 'restore' : 'archive'} onClick={() => void change()}>
      {archived ? 'Restore' : 'Archive'}
    </Button>
  )
}
