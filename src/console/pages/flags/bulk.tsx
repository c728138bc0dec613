import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import type { Matrix, MatrixEnvironment } from '../../api/matrix.ts'
import { refreshProject } from '../../api/queries.ts'
import { Button } from '../../parts/controls/button.tsx'
import { TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { Menu, type MenuItem } from '../../parts/overlays/popover.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import * as css from './bulk.module.css'
import { changeFlags, refused } from './flag-writes.ts'

type BulkProps = {
  readonly matrix: Matrix
  readonly keys: readonly string[]
  readonly onArchive: (keys: readonly string[], isArchived: boolean) => void
  readonly onClear: () => void
}
type Switching = { readonly environment: MatrixEnvironment; readonly isWantedOn: boolean }

/** What can be done with the selected flags at once. */
export function BulkBar({ matrix, keys, onArchive, onClear }: BulkProps) {
  const [isTagging, setTagging] = useState(false)
  const [switching, setSwitching] = useState<Switching>()
  const { project, environments, flags } = matrix
  const isAllArchived = keys.every((key) => flags.find((flag) => flag.key === key)?.archivedAt != null)
  const items: MenuItem[] = environments.flatMap((environment) => [
    {
      label: `On in ${environment.name}`,
      icon: 'play',
      onSelect: () => setSwitching({ environment, isWantedOn: true }),
    },
    {
      label: `Off in ${environment.name}`,
      icon: 'pause',
      onSelect: () => setSwitching({ environment, isWantedOn: false }),
    },
  ])
  return (
    <section class={css.bar} aria-label="Selected flags">
      <strong class={css.count}>{keys.length} selected</strong>
      <Button size="small" icon="tag" onClick={() => setTagging(true)}>
        Tag
      </Button>
      <Menu label="Switch" items={items}>
        {(menu) => (
          <Button size="small" {...menu} icon="down">
            Switch
          </Button>
        )}
      </Menu>
      <Button size="small" icon={isAllArchived ? 'restore' : 'archive'} onClick={() => onArchive(keys, !isAllArchived)}>
        {isAllArchived ? 'Restore' : 'Archive'}
      </Button>
      <Button size="small" kind="quiet" icon="close" onClick={onClear}>
        Clear
      </Button>
      {isTagging && <TagDialog project={project} keys={keys} onClose={() => setTagging(false)} />}
      {switching && <SwitchDialog matrix={matrix} keys={keys} {...switching} onClose={() => setSwitching(undefined)} />}
    </section>
  )
}

type TagProps = { readonly project: string; readonly keys: readonly string[]; readonly onClose: () => void }

function TagDialog({ project, keys, onClose }: TagProps) {
  const queries = useQueryClient()
  const [tag, setTag] = useState('')
  const save = async () => {
    if (tag.trim() === '') return
    onClose()
    const failed = await changeFlags(project, keys, { addTag: tag.trim() })
    await refreshProject(queries, project)
    sayResult(`${keys.length - failed.length} flags have the tag ${tag.trim()}`, failed)
  }
  return (
    <Dialog
      title={`Tag ${keys.length} flags`}
      onClose={onClose}
      onSubmit={() => void save()}
      actions={
        <FormActions onCancel={onClose} isDisabled={tag.trim() === ''}>
          Add the tag
        </FormActions>
      }
    >
      <TextField label="Tag" data-autofocus="" value={tag} onInput={(event) => setTag(event.currentTarget.value)} />
    </Dialog>
  )
}

type SwitchProps = Switching & {
  readonly matrix: Matrix
  readonly keys: readonly string[]
  readonly onClose: () => void
}

function SwitchDialog({ matrix: { project, flags }, keys, environment, isWantedOn, onClose }: SwitchProps) {
  const queries = useQueryClient()
  const affected = flags.flatMap((flag) => {
    const cell = flag.environments[environment.key]
    const isOn = cell?.state === 'on' || cell?.state === 'partial'
    return keys.includes(flag.key) && cell && cell.state !== 'absent' && isOn !== isWantedOn
      ? [{ flag: flag.key, cell }]
      : []
  })
  const word = isWantedOn ? 'on' : 'off'
  const run = async () => {
    onClose()
    const { switchFlag } = await import('./writes.ts')
    const cells = new Map(affected.map(({ flag, cell }) => [flag, cell]))
    const failed = await refused([...cells.keys()], async (flag) => {
      const cell = cells.get(flag)
      if (cell) await switchFlag({ project, environment: environment.key, flag }, cell, isWantedOn)
    })
    await refreshProject(queries, project)
    sayResult(`${affected.length - failed.length} flags are ${word} in ${environment.name}`, failed)
  }
  return (
    <Dialog
      title={`Switch ${word} in ${environment.name}`}
      onClose={onClose}
      onSubmit={() => void run()}
      actions={
        <FormActions onCancel={onClose} isDisabled={affected.length === 0} isFocused>
          Switch {affected.length} {word}
        </FormActions>
      }
    >
      {affected.length === 0 ? (
        <p>
          All selected flags are {word} in {environment.name} already, or not defined there.
        </p>
      ) : (
        <ul class={css.keys}>
          {affected.map(({ flag, cell }) => (
            <li key={flag}>
              <strong>{flag}</strong> <span class={css.now}>now: {cell.served}</span>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  )
}

/** Shows what succeeded, and which flags were refused. */
export function sayResult(text: string, failed: readonly string[], undo?: () => void): void {
  showToast(text, undo && { undo })
  if (failed.length > 0)
    showToast(`Refused for ${failed.slice(0, 5).join(', ')}${failed.length > 5 ? ' …' : ''}`, { isError: true })
}
