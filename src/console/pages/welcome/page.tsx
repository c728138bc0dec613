import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Matrix } from '../../api/matrix.ts'
import { matrixQuery, projectsQuery, refreshProject, sessionQuery } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { lastProject } from '../../app/project.ts'
import { Button } from '../../parts/controls/button.tsx'
import { FormError } from '../../parts/controls/field.tsx'
import { Spinner } from '../../parts/display/empty.tsx'
import { Card } from '../../parts/display/table.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { CreateFlag } from '../flags/create.tsx'
import { FirstProject } from './first-project.tsx'
import { ImportFile } from './import.tsx'
import * as css from './page.module.css'
import { archiveSamples, loadSamples, missingSamples, SAMPLE_TAG, SAMPLES } from './samples.ts'

/** `/console/welcome` */
export function WelcomePage() {
  const { data: session } = useQuery(sessionQuery())
  const bound = session?.environment?.project
  const { data: projects, error } = useQuery({ ...projectsQuery(), enabled: session !== undefined && !bound })
  if (error) return <LoadFailure error={error} />
  const project = bound ?? projects?.find(({ key }) => key === lastProject.value)?.key ?? projects?.[0]?.key
  if (project !== undefined) return <Start key={project} project={project} />
  return projects ? <FirstProject /> : <Spinner />
}

function Start({ project }: { readonly project: string }) {
  const { data: matrix, error, refetch } = useQuery(matrixQuery(project))
  const { route } = useLocation()
  const [isCreating, setCreating] = useState(false)
  if (error) return <LoadFailure error={error} onRetry={() => void refetch()} />
  if (!matrix) return <Spinner />
  return (
    <Page
      title="Welcome"
      lead="A flag decides for each user what an application does, without a new release. Three ways to begin:"
    >
      <div class={css.ways}>
        <Card title="Create your first flag">
          <p class={css.text}>A switch that is off everywhere until you turn it on. Its key is enough.</p>
          <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
            New flag
          </Button>
        </Card>
        <Samples matrix={matrix} />
        <ImportFile matrix={matrix} />
      </div>
      {isCreating && (
        <CreateFlag
          project={project}
          environments={matrix.environments.map(({ key }) => key)}
          onClose={() => setCreating(false)}
          onCreated={(key) => route(`${paths.flag(project, key)}?tab=use`)}
        />
      )}
    </Page>
  )
}

function Samples({ matrix }: { readonly matrix: Matrix }) {
  const queries = useQueryClient()
  const missing = missingSamples(matrix)
  const loaded = matrix.flags.filter(({ tags, archivedAt }) => tags.includes(SAMPLE_TAG) && archivedAt === null)
  const { run, isBusy, error } = useWrite(async (action: () => Promise<unknown>, done: string) => {
    try {
      await action()
    } finally {
      await refreshProject(queries, matrix.project)
    }
    showToast(done)
  })
  return (
    <Card title="Load the samples">
      <p class={css.text}>Flags that teach by their rules, with the segment “staff”. Existing flags are not changed.</p>
      <ul class={css.samples}>
        {Object.entries(SAMPLES).map(([key, { description }]) => (
          <li key={key}>
            {missing.includes(key) ? <strong>{key}</strong> : <a href={paths.flag(matrix.project, key)}>{key}</a>}
            <span class={css.note}>{description}</span>
          </li>
        ))}
      </ul>
      <FormError text={error?.message} />
      <div class={css.actions}>
        <Button
          icon="sparkles"
          disabled={isBusy || missing.length === 0}
          onClick={() => run(() => loadSamples(matrix, missing), `${missing.length} sample flags are loaded`)}
        >
          {missing.length === 0 ? 'All are there' : `Load ${missing.length} samples`}
        </Button>
        {loaded.length > 0 && (
          <Button
            kind="quiet"
            icon="archive"
            disabled={isBusy}
            onClick={() => run(() => archiveSamples(matrix), 'The samples are archived')}
          >
            Archive them
          </Button>
        )}
      </div>
    </Card>
  )
}
