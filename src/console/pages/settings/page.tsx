import { useQuery } from '@tanstack/preact-query'
import { useLocation } from 'preact-iso'
import { projectsQuery, sessionQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { lastProject } from '../../app/project.ts'
import { Spinner } from '../../parts/display/empty.tsx'
import { Environments } from './environments.tsx'
import { Projects } from './projects.tsx'

/** `/console/settings?project`: projects, and the environments of one. */
export function SettingsPage() {
  const { query } = useLocation()
  const { data: projects, error, refetch } = useQuery(projectsQuery())
  const { data: session } = useQuery(sessionQuery())
  const mayChange = session === null || session?.role === 'admin'
  const wanted = query['project'] ?? lastProject.value
  const project = projects?.find(({ key }) => key === wanted) ?? projects?.[0]
  const lead = mayChange || !session ? 'Projects and their environments.' : 'Only admins change settings.'
  return (
    <Page title="Settings" lead={lead}>
      {error && <LoadFailure error={error} onRetry={() => void refetch()} />}
      {!error && !projects && <Spinner />}
      {projects && <Projects projects={projects} current={project?.key} mayChange={mayChange} />}
      {project && <Environments key={project.key} project={project} mayChange={mayChange} />}
    </Page>
  )
}
