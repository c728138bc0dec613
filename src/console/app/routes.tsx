import { useQuery } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { lazy, Route, Router, useLocation } from 'preact-iso'
import { projectsQuery, sessionQuery } from '../api/queries.ts'
import { FlagsPage } from '../pages/flags/page.tsx'
import { Empty, Spinner } from '../parts/display/empty.tsx'
import { later } from './later.ts'
import { LoadFailure, Page } from './page.tsx'
import { CONSOLE, paths, projectOf } from './paths.ts'
import { lastProject, noteProject } from './project.ts'

const Flag = lazy(async () => (await later(() => import('../pages/flag/page.tsx'))).FlagPage)
const Segments = lazy(async () => (await later(() => import('../pages/segments/page.tsx'))).SegmentsPage)
const Segment = lazy(async () => (await later(() => import('../pages/segments/segment.tsx'))).SegmentPage)
const Compare = lazy(async () => (await later(() => import('../pages/compare/page.tsx'))).ComparePage)
const Changes = lazy(async () => (await later(() => import('../pages/changes/page.tsx'))).ChangesPage)
const Keys = lazy(async () => (await later(() => import('../pages/keys/page.tsx'))).KeysPage)
const Settings = lazy(async () => (await later(() => import('../pages/settings/page.tsx'))).SettingsPage)
const Welcome = lazy(async () => (await later(() => import('../pages/welcome/page.tsx'))).WelcomePage)
const SignIn = lazy(async () => (await later(() => import('../pages/sign-in/page.tsx'))).SignInPage)

/** The pages by their URLs. The named parts of a URL are the properties of its page. */
export function Routes() {
  const { path } = useLocation()
  const project = projectOf(path)
  useEffect(() => {
    if (project !== undefined) noteProject(project)
  }, [project])
  return (
    <Router>
      <Route path={`${CONSOLE}/`} component={Start} />
      <Route path={`${CONSOLE}/p/:project/flags`} component={FlagsPage} />
      <Route path={`${CONSOLE}/p/:project/flags/:flag/:environment?`} component={Flag} />
      <Route path={`${CONSOLE}/p/:project/segments`} component={Segments} />
      <Route path={`${CONSOLE}/p/:project/segments/:environment/:segment`} component={Segment} />
      <Route path={`${CONSOLE}/p/:project/compare`} component={Compare} />
      <Route path={`${CONSOLE}/p/:project/changes`} component={Changes} />
      <Route path={`${CONSOLE}/keys`} component={Keys} />
      <Route path={`${CONSOLE}/settings`} component={Settings} />
      <Route path={`${CONSOLE}/welcome`} component={Welcome} />
      <Route path={`${CONSOLE}/sign-in`} component={SignIn} />
      <Route default component={Nowhere} />
    </Router>
  )
}

/** What stands in place of every page while no one is signed in. */
export const SignedOut = () => (
  <main>
    <SignIn />
  </main>
)

/** Leads to the flags of the project that was open last, or of the first one. */
function Start() {
  const { route } = useLocation()
  const { data: session, error: signInError } = useQuery(sessionQuery())
  const bound = session?.environment?.project
  const { data: projects, error } = useQuery({
    ...projectsQuery(),
    enabled: session !== undefined && bound === undefined,
  })
  useEffect(() => {
    if (bound !== undefined) route(paths.flags(bound), true)
    if (!projects) return
    const project = projects.find(({ key }) => key === lastProject.value) ?? projects[0]
    route(project ? paths.flags(project.key) : paths.welcome(), true)
  }, [projects, bound])
  const failure = error ?? signInError
  return failure ? <LoadFailure error={failure} /> : <Spinner />
}

const Nowhere = () => (
  <Page title="Not found">
    <Empty icon="help" title="There is no such page" action={<a href={`${CONSOLE}/`}>To the flags</a>} />
  </Page>
)
