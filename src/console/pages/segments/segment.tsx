import { useQuery } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { environmentsQuery, sessionQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { Button } from '../../parts/controls/button.tsx'
import { Badge } from '../../parts/display/badge.tsx'
import { Spinner } from '../../parts/display/empty.tsx'
import { Card } from '../../parts/display/table.tsx'
import { print } from '../../rules/print.ts'
import { ruleWordsQuery } from '../flag/queries.ts'
import { DeleteSegment, RenameSegment } from './dialogs.tsx'
import { segmentQuery } from './queries.ts'
import * as css from './segments.module.css'
import { UsedBy } from './used-by.tsx'
import { RuleWorkspace } from './workspace.tsx'

type SegmentPageProps = { readonly project: string; readonly environment: string; readonly segment: string }

/** `/console/p/:project/segments/:environment/:segment` */
export function SegmentPage({ project, environment, segment: name }: SegmentPageProps) {
  const path = { project, environment, name }
  const [open, setOpen] = useState<'rename' | 'delete'>()
  const { data: environments = [] } = useQuery(environmentsQuery(project))
  const { data: segment, error, refetch } = useQuery(segmentQuery(path))
  const session = useQuery(sessionQuery())
  const words = useQuery(ruleWordsQuery(project, environment))
  const failure = error ?? words.error
  if (failure) return <LoadFailure error={failure} onRetry={() => void refetch()} />
  if (!segment || !words.data || session.isPending) return <Spinner />
  const place = environments.find(({ key }) => key === environment)
  const users = segment.usedBy ?? { count: 0, flags: [], segments: [] }
  const close = () => setOpen(undefined)
  const isReadOnly = session.data?.role === 'viewer'
  const protectedName = place?.protected ? place.name || environment : undefined
  const actions = !isReadOnly && (
    <>
      <Button icon="edit" onClick={() => setOpen('rename')}>
        Rename
      </Button>
      <Button icon="trash" onClick={() => setOpen('delete')}>
        Delete
      </Button>
    </>
  )
  const lead = (
    <>
      Segment in{' '}
      <a class={css.place} href={`${paths.segments(project)}?environment=${environment}`}>
        {place?.name || environment}
      </a>
      {place?.protected && (
        <>
          {' '}
          <Badge tone="warn" icon="shield">
            protected
          </Badge>
        </>
      )}
    </>
  )
  return (
    <Page title={name} heading={<code class={css.heading}>{name}</code>} lead={lead} actions={actions}>
      <div class={css.columns}>
        <Card title="Rule">
          <RuleWorkspace
            key={`${environment}/${name}`}
            path={path}
            stored={{ text: print(segment.rule), etag: segment.etag }}
            words={words.data}
            flags={users.flags.length}
            protectedName={protectedName}
            isReadOnly={isReadOnly}
          />
        </Card>
        <Card title="Used by">
          <UsedBy path={path} users={users} />
        </Card>
      </div>
      {open === 'rename' && <RenameSegment {...{ path, users, protectedName }} onClose={close} />}
      {open === 'delete' && <DeleteSegment {...{ path, users, protectedName }} onClose={close} />}
    </Page>
  )
}
