import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { environmentsQuery, refreshProject, sessionQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { Button } from '../../parts/controls/button.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { Table } from '../../parts/display/table.tsx'
import { print } from '../../rules/print.ts'
import { SegmentName } from './name-dialog.tsx'
import { createSegment, segmentsQuery } from './queries.ts'
import * as css from './segments.module.css'
import { sayRuleText } from './sentence.ts'

const LEAD =
  'Rules that flags share by name, such as "staff" or "beta testers". A change applies to all flags that use it.'

/** `/console/p/:project/segments?environment=…` */
export function SegmentsPage({ project }: { readonly project: string }) {
  const { query } = useLocation()
  const [isCreating, setCreating] = useState(false)
  const { data: environments, error, refetch } = useQuery(environmentsQuery(project))
  const session = useQuery(sessionQuery())
  if (error) return <LoadFailure error={error} onRetry={() => void refetch()} />
  if (!environments || session.isPending) return <Spinner />
  const current = environments.find(({ key }) => key === query['environment']) ?? environments[0]
  if (!current)
    return (
      <Page title="Segments">
        <Empty
          icon="environments"
          title="This project has no environments yet"
          action={<a href={paths.settings()}>Create one</a>}
        />
      </Page>
    )
  const tabs = environments.map(({ key, name }) => ({
    id: key,
    label: name || key,
    href: `${paths.segments(project)}?environment=${key}`,
  }))
  const create = session.data?.role !== 'viewer' && (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      New segment
    </Button>
  )
  return (
    <Page title="Segments" lead={LEAD} actions={create}>
      <Tabs label="Environments" tabs={tabs} current={current.key} />
      <SegmentTable key={current.key} project={project} environment={current.key} />
      {isCreating && <NewSegment project={project} environment={current.key} onClose={() => setCreating(false)} />}
    </Page>
  )
}

type PlaceProps = { readonly project: string; readonly environment: string }

function SegmentTable({ project, environment }: PlaceProps) {
  const { data: segments, error, refetch } = useQuery(segmentsQuery(project, environment))
  if (error) return <LoadFailure error={error} onRetry={() => void refetch()} />
  if (!segments) return <Spinner />
  if (segments.length === 0)
    return (
      <Empty icon="segments" title="No segments yet">
        A segment is a group of users with a name. Flags refer to it, so that the group is described once.
      </Empty>
    )
  return (
    <Table label="Segments" columns={['Segment', 'Who is in it', 'Used by']}>
      {segments.map(({ name, rule, usedBy }) => (
        <tr key={name}>
          <td>
            <a class={css.name} href={paths.segment(project, environment, name)}>
              {name}
            </a>
          </td>
          <td class={css.sentence}>{sayRuleText(print(rule))}</td>
          <td class={css.count}>{sayUses(usedBy?.count ?? 0)}</td>
        </tr>
      ))}
    </Table>
  )
}

const sayUses = (count: number): string => (count === 0 ? 'not used' : count === 1 ? '1 rule' : `${count} rules`)

function NewSegment({ project, environment, onClose }: PlaceProps & { readonly onClose: () => void }) {
  const queries = useQueryClient()
  const { route } = useLocation()
  const create = async (name: string) => {
    await createSegment({ project, environment, name })
    void refreshProject(queries, project)
    route(paths.segment(project, environment, name))
  }
  const hint = 'It contains no one until you write its rule'
  return <SegmentName title={`New segment in ${environment}`} hint={hint} onCreate={create} onClose={onClose} />
}
