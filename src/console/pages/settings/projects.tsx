import { useState } from 'preact/hooks'
import { paths } from '../../app/paths.ts'
import { Button, IconButton } from '../../parts/controls/button.tsx'
import { Empty } from '../../parts/display/empty.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { ProjectDialog } from './project-dialog.tsx'
import * as css from './rows.module.css'
import type { ListedProject } from './settings.ts'
import { deleteProject } from './writes.ts'

type ProjectsProps = {
  readonly projects: readonly ListedProject[]
  /** The project whose environments are shown. */
  readonly current: string | undefined
  readonly mayChange: boolean
}

/** The projects; one of them is chosen. */
export function Projects({ projects, current, mayChange }: ProjectsProps) {
  const [isCreating, setCreating] = useState(false)
  return (
    <section class={css.section} aria-labelledby="projects">
      <header class={css.head}>
        <h2 id="projects">Projects</h2>
        {mayChange && (
          <Button icon="plus" onClick={() => setCreating(true)}>
            New project
          </Button>
        )}
      </header>
      {projects.length === 0 ? (
        <Empty icon="flag" title="No projects yet">
          A project holds the flags of one product, in each of its environments.
        </Empty>
      ) : (
        <ul class={css.rows}>
          {projects.map((project) => (
            <ProjectRow key={project.key} project={project} isCurrent={project.key === current} mayChange={mayChange} />
          ))}
        </ul>
      )}
      {isCreating && <ProjectDialog onClose={() => setCreating(false)} />}
    </section>
  )
}

type ProjectRowProps = { readonly project: ListedProject; readonly isCurrent: boolean; readonly mayChange: boolean }

function ProjectRow({ project, isCurrent, mayChange }: ProjectRowProps) {
  const [open, setOpen] = useState<'edit' | 'delete'>()
  const { key, name, description } = project
  const close = () => setOpen(undefined)
  return (
    <li class={`${css.row} ${isCurrent ? css.current : ''}`}>
      <div class={css.text}>
        <a
          class={css.name}
          href={`${paths.settings()}?project=${encodeURIComponent(key)}`}
          aria-current={isCurrent ? 'true' : undefined}
        >
          {name}
        </a>{' '}
        {name !== key && <code class={css.key}>{key}</code>}
        {description !== '' && <p class={css.note}>{description}</p>}
      </div>
      {mayChange && (
        <div class={css.actions}>
          <IconButton icon="edit" label={`Edit project ${name}`} onClick={() => setOpen('edit')} />
          <IconButton icon="trash" label={`Delete project ${name}`} onClick={() => setOpen('delete')} />
        </div>
      )}
      {open === 'edit' && <ProjectDialog project={project} onClose={close} />}
      {open === 'delete' && (
        <DeleteDialog what="project" name={key} project={key} write={() => deleteProject(project)} onClose={close}>
          The project is deleted with its flags. It must not have environments any more. Its changes stay in the record.
        </DeleteDialog>
      )}
    </li>
  )
}
