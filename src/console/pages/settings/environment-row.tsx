import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import { refreshProject } from '../../api/queries.ts'
import { IconButton } from '../../parts/controls/button.tsx'
import { Switch } from '../../parts/controls/switch.tsx'
import { Badge } from '../../parts/display/badge.tsx'
import { announce, showToast } from '../../parts/overlays/toast.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { EnvironmentDialog } from './environment-dialog.tsx'
import * as css from './rows.module.css'
import { BUCKETING_TEXT, type Environment, moved } from './settings.ts'
import { changeEnvironment, deleteEnvironment } from './writes.ts'

type EnvironmentRowProps = {
  readonly environment: Environment
  /** All of the project, in their order. */
  readonly environments: readonly Environment[]
  readonly mayChange: boolean
}

/** One environment with its place, its protection and its settings. Alt with an arrow key moves it. */
export function EnvironmentRow({ environment, environments, mayChange }: EnvironmentRowProps) {
  const [open, setOpen] = useState<'edit' | 'delete'>()
  const { key, name, description, bucketing, metadata } = environment
  const close = () => setOpen(undefined)
  const members = Object.keys(metadata).length
  return (
    <li class={css.row}>
      {mayChange && <Places environment={environment} environments={environments} />}
      <div class={css.text}>
        <strong class={css.name}>{name}</strong> {name !== key && <code class={css.key}>{key}</code>}
        {description !== '' && <p class={css.note}>{description}</p>}
        <p class={css.badges}>
          <Badge title={BUCKETING_TEXT}>Bucketing {bucketing}</Badge>
          {members > 0 && <Badge icon="tag">{members === 1 ? '1 metadata value' : `${members} metadata values`}</Badge>}
        </p>
      </div>
      <Protection environment={environment} mayChange={mayChange} />
      {mayChange && (
        <div class={css.actions}>
          <IconButton icon="edit" label={`Edit environment ${name}`} onClick={() => setOpen('edit')} />
          <IconButton icon="trash" label={`Delete environment ${name}`} onClick={() => setOpen('delete')} />
        </div>
      )}
      {open === 'edit' && <EnvironmentDialog project={environment.project} environment={environment} onClose={close} />}
      {open === 'delete' && (
        <DeleteDialog
          what="environment"
          name={key}
          project={environment.project}
          write={() => deleteEnvironment(environment)}
          onClose={close}
        >
          All definitions, segments and keys of {name} are deleted, and requests with its keys are refused at once. Its
          changes stay in the record.
        </DeleteDialog>
      )}
    </li>
  )
}

function Places({ environment: { key, name, project }, environments }: Omit<EnvironmentRowProps, 'mayChange'>) {
  const queries = useQueryClient()
  const at = environments.findIndex((each) => each.key === key)
  const id = (step: -1 | 1) => `${step < 0 ? 'up' : 'down'}-${key}`
  const move = async (step: -1 | 1) => {
    const changes = moved(environments, key, step)
    if (changes.length === 0) return
    try {
      for (const { environment, position } of changes) await changeEnvironment(environment, { position })
      announce(`${name}: place ${at + step + 1} of ${environments.length}`)
    } catch (error) {
      showFailure(name, error)
    }
    await refreshProject(queries, project)
    // The row was taken out and put back at another place, which takes the focus away.
    requestAnimationFrame(() => document.getElementById(id(step))?.focus())
  }
  const button = (step: -1 | 1) => (
    <IconButton
      id={id(step)}
      icon={step < 0 ? 'moveUp' : 'moveDown'}
      label={`Move ${name} ${step < 0 ? 'up' : 'down'}`}
      aria-disabled={step < 0 ? at === 0 : at === environments.length - 1}
      aria-keyshortcuts={step < 0 ? 'Alt+ArrowUp' : 'Alt+ArrowDown'}
      size={14}
      onClick={() => void move(step)}
      onKeyDown={(event) => {
        const way = ({ ArrowUp: -1, ArrowDown: 1 } as const)[event.key]
        if (!event.altKey || way === undefined) return
        event.preventDefault()
        void move(way)
      }}
    />
  )
  return (
    <div class={css.places}>
      {button(-1)}
      {button(1)}
    </div>
  )
}

function Protection({ environment, mayChange }: Pick<EnvironmentRowProps, 'environment' | 'mayChange'>) {
  const queries = useQueryClient()
  const { key, name, project, protected: isProtected } = environment
  const id = `protection-${key}`
  const protect = async (wanted: boolean, seen: Environment, isUndo = false) => {
    try {
      await changeEnvironment(seen, { protected: wanted })
      const text = wanted ? `Changes in ${name} need a confirmation` : `Changes in ${name} need no confirmation`
      // The undo is written to what is stored then: only this setting counts.
      const undo = () => void protect(!wanted, { ...seen, protected: wanted }, true)
      showToast(text, isUndo ? {} : { undo })
    } catch (error) {
      showFailure(name, error)
    }
    await refreshProject(queries, project)
  }
  return (
    <div class={css.protection}>
      <Switch
        label={`Protect ${name}`}
        state={isProtected ? 'on' : 'off'}
        disabled={!mayChange}
        describedBy={id}
        onToggle={() => void protect(!isProtected, environment)}
      />
      <span id={id}>{isProtected ? 'Protected' : 'Not protected'}</span>
    </div>
  )
}

function showFailure(name: string, error: unknown): void {
  if (!(error instanceof ApiError)) throw error
  showToast(`${name} was not changed: ${error.mistakes[0]?.detail ?? error.message}`, { isError: true })
}
