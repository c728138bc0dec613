import { useQuery } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { environmentsQuery, matrixQuery, sessionQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { lastEnvironment, noteEnvironment } from '../../app/project.ts'
import { LinkButton } from '../../parts/controls/button.tsx'
import { CopyButton } from '../../parts/controls/copy.tsx'
import { Badge } from '../../parts/display/badge.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { AbsentDefinition } from './absent.tsx'
import { EnvironmentTabs } from './environment-tabs.tsx'
import * as css from './flag.module.css'
import { FlagHead } from './flag-head.tsx'
import { FlagWorkspace } from './flag-workspace.tsx'
import { definitionQuery, flagQuery, type ListedEnvironment, ruleWordsQuery } from './queries.ts'

type FlagPageProps = { readonly project: string; readonly flag: string; readonly environment?: string }

/** `/console/p/:project/flags/:flag/:environment?` */
export function FlagPage({ project, flag: key, environment }: FlagPageProps) {
  const flag = useQuery(flagQuery(project, key))
  const environments = useQuery(environmentsQuery(project))
  const matrix = useQuery(matrixQuery(project))
  const session = useQuery(sessionQuery())
  const { url } = useLocation()
  const current = environments.data && openEnvironment(environments.data, [environment, lastEnvironment(project)])
  useEffect(() => {
    if (current) noteEnvironment(project, current.key)
  }, [project, current?.key])
  const error = flag.error ?? environments.error
  if (error) return <LoadFailure error={error} onRetry={() => void flag.refetch()} />
  if (!flag.data || !environments.data) return <Spinner />
  const cells = matrix.data?.flags.find((each) => each.key === key)?.environments
  const managedBy = current && cells?.[current.key]?.managedBy
  const isViewer = session.data?.role === 'viewer'
  const isReadOnly = isViewer || flag.data.data.archived
  const heading = (
    <span class={css.heading}>
      <a href={paths.flags(project)} class={css.back}>
        Flags
      </a>
      <span class={css.key}>{key}</span>
      <CopyButton text={key} what="the key" />
    </span>
  )
  return (
    <Page
      title={key}
      heading={heading}
      actions={<CompareLink project={project} flag={key} environments={environments.data} current={current} />}
    >
      <FlagHead project={project} flag={flag.data.data} isReadOnly={isViewer} />
      {current ? (
        <>
          <EnvironmentTabs
            project={project}
            flag={key}
            environments={environments.data}
            cells={cells}
            current={current.key}
            search={searchOf(url)}
          />
          {managedBy && (
            <Badge
              icon="lock"
              title={managedBy.locked ? 'It can be changed only there' : 'A change here is drift there'}
            >
              managed by {managedBy.name}
            </Badge>
          )}
          <EnvironmentContent
            key={`${project}/${current.key}/${key}`}
            project={project}
            environment={current}
            flagKey={key}
            type={flag.data.data.type}
            isReadOnly={isReadOnly || managedBy?.locked === true}
          />
        </>
      ) : (
        <Empty icon="environments" title="The project has no environment" />
      )}
    </Page>
  )
}

type CompareLinkProps = {
  readonly project: string
  readonly flag: string
  readonly environments: readonly ListedEnvironment[]
  readonly current: ListedEnvironment | undefined
}

/** Leads to what the other environment has of the flag. */
function CompareLink({ project, flag, environments, current }: CompareLinkProps) {
  if (!current || environments.length < 2) return null
  return (
    <LinkButton icon="compare" href={paths.compare(project, { flag, target: current.key })}>
      Compare
    </LinkButton>
  )
}

/** The first of `keys` that is an environment; otherwise the first environment. */
function openEnvironment(environments: readonly ListedEnvironment[], keys: readonly (string | undefined)[]) {
  for (const key of keys) {
    const found = environments.find((each) => each.key === key)
    if (found) return found
  }
  return environments[0]
}

function searchOf(url: string): string {
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at)
}

type EnvironmentContentProps = {
  readonly project: string
  readonly environment: ListedEnvironment
  readonly flagKey: string
  readonly type: 'boolean' | 'string' | 'number' | 'object'
  readonly isReadOnly: boolean
}

function EnvironmentContent({ project, environment, flagKey, type, isReadOnly }: EnvironmentContentProps) {
  const place = { project, environment: environment.key, key: flagKey }
  const definition = useQuery(definitionQuery(place))
  const words = useQuery(ruleWordsQuery(project, environment.key))
  const error = definition.error ?? words.error
  if (error) return <LoadFailure error={error} onRetry={() => void definition.refetch()} />
  if (definition.data === undefined || !words.data) return <Spinner />
  if (definition.data === null) return <AbsentDefinition place={place} type={type} isReadOnly={isReadOnly} />
  return (
    <FlagWorkspace
      place={place}
      stored={definition.data}
      words={words.data}
      environment={environment}
      type={type}
      protectedName={environment.protected ? environment.name || environment.key : undefined}
      isReadOnly={isReadOnly}
    />
  )
}
