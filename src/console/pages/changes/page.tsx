import { infiniteQueryOptions, useInfiniteQuery } from '@tanstack/preact-query'
import { useLocation } from 'preact-iso'
import { call } from '../../api/client.ts'
import { queryKeys } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { Button } from '../../parts/controls/button.tsx'
import { LoadMore } from '../../parts/controls/load-more.tsx'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { Entry } from './entry.tsx'
import { type ChangeFilters, type FilterChange, filtersOf, searchOf } from './filters.ts'
import * as css from './page.module.css'
import { byDay, type ChangeEntry } from './text.ts'
import { Toolbar } from './toolbar.tsx'

const PAGE = '50'

const changesQuery = (project: string, filters: ChangeFilters) =>
  infiniteQueryOptions({
    queryKey: [...queryKeys.project(project), 'changes', filters],
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...filters, project, limit: PAGE, ...(pageParam !== '' && { before: pageParam }) }
      return (await call('GET /api/v1/changes', { query }, { signal })).data
    },
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
  })

/** `/console/p/:project/changes`: the record of changes. Its filters stand in the URL. */
export function ChangesPage({ project }: { readonly project: string }) {
  const { query, route } = useLocation()
  const filters = filtersOf(query)
  const changes = useInfiniteQuery(changesQuery(project, filters))
  const { data, error, refetch } = changes
  const filter = (changed: FilterChange) =>
    route(paths.changes(project) + searchOf({ ...filtersOf(query), ...changed }), true)
  const clear = () => route(paths.changes(project), true)
  const entries = data?.pages.flatMap(({ items }) => items) ?? []
  return (
    <Page title="Changes" lead="Everything that was changed in this project, the newest first.">
      <Toolbar project={project} filters={filters} entries={entries} onFilter={filter} onClear={clear} />
      {error && <LoadFailure error={error} onRetry={() => void refetch()} />}
      {!error && !data && <Spinner />}
      {data && entries.length === 0 && <NoChanges isFiltered={searchOf(filters) !== ''} onClear={clear} />}
      <Days entries={entries} project={project} />
      <div class={css.more}>
        <LoadMore {...changes} />
      </div>
    </Page>
  )
}

function NoChanges({ isFiltered, onClear }: { readonly isFiltered: boolean; readonly onClear: () => void }) {
  if (!isFiltered)
    return (
      <Empty icon="changes" title="No changes yet">
        Each change of a flag, segment, environment or key is recorded here, with its author.
      </Empty>
    )
  return (
    <Empty icon="filter" title="No change matches" action={<Button onClick={onClear}>Clear the filters</Button>}>
      Author, flag and environment must be written in full.
    </Empty>
  )
}

function Days({ entries, project }: { readonly entries: readonly ChangeEntry[]; readonly project: string }) {
  return (
    <>
      {byDay(entries, Date.now()).map(({ day, entries }) => (
        <section key={day} class={css.day} aria-label={day}>
          <h2>{day}</h2>
          <ul class={css.entries}>
            {entries.map((change) => (
              <li key={change.id}>
                <Entry change={change} project={project} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  )
}
