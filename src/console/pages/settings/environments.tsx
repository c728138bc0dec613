import { useQuery } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { environmentsQuery } from '../../api/queries.ts'
import { LoadFailure } from '../../app/page.tsx'
import { Button } from '../../parts/controls/button.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { EnvironmentDialog } from './environment-dialog.tsx'
import { EnvironmentRow } from './environment-row.tsx'
import * as css from './rows.module.css'
import type { ListedProject } from './settings.ts'

type EnvironmentsProps = { readonly project: ListedProject; readonly mayChange: boolean }

/** The environments of a project, in their order. */
export function Environments({ project, mayChange }: EnvironmentsProps) {
  const { data: environments, error, refetch } = useQuery(environmentsQuery(project.key))
  const [isCreating, setCreating] = useState(false)
  return (
    <section class={css.section} aria-labelledby="environments">
      <header class={css.head}>
        <h2 id="environments">Environments of {project.name}</h2>
        {mayChange && (
          <Button icon="plus" onClick={() => setCreating(true)}>
            New environment
          </Button>
        )}
      </header>
      {error && <LoadFailure error={error} onRetry={() => void refetch()} />}
      {!error && !environments && <Spinner />}
      {environments?.length === 0 && (
        <Empty icon="environments" title="No environments yet">
          An environment, such as production, has definitions of the flags of its project, and keys of its own.
        </Empty>
      )}
      {environments && environments.length > 0 && (
        <ol class={css.rows}>
          {environments.map((environment) => (
            <EnvironmentRow key={environment.key} {...{ environment, environments, mayChange }} />
          ))}
        </ol>
      )}
      {isCreating && <EnvironmentDialog project={project.key} onClose={() => setCreating(false)} />}
    </section>
  )
}
