import { useQuery } from '@tanstack/preact-query'
import { useEffect } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { environmentsQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { read, write } from '../../app/preferences.ts'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import type { ListedEnvironment } from '../flag/queries.ts'
import { Comparison } from './comparison.tsx'
import { type NamedPair, PairChoice } from './pair-choice.tsx'

const LEAD = 'What differs between two environments. Select flags to carry them to the other one.'

/** `/console/p/:project/compare?source=…&target=…&flag=…` */
export function ComparePage({ project }: { readonly project: string }) {
  const { query, route } = useLocation()
  const { data: environments, error, refetch } = useQuery(environmentsQuery(project))
  const pair = environments && pairOf(project, environments, query)
  const [source, target] = [pair?.source.key, pair?.target.key]
  useEffect(() => {
    if (source && target) write(`compare:${project}`, `${source} ${target}`)
  }, [project, source, target])
  if (error) return <LoadFailure error={error} onRetry={() => void refetch()} />
  if (!environments) return <Spinner />
  if (!pair)
    return (
      <Page title="Compare" lead={LEAD}>
        <Empty
          icon="environments"
          title="A comparison needs two environments"
          action={<a href={paths.settings()}>Create another</a>}
        >
          Flags are compared between two environments of a project, such as test and production.
        </Empty>
      </Page>
    )
  const flag = query['flag']
  const show = (next: { source: string; target: string; flag?: string | undefined }) =>
    route(paths.compare(project, next), true)
  return (
    <Page title="Compare" lead={LEAD}>
      <PairChoice pair={pair} environments={environments} flag={flag} onChange={show} />
      <Comparison key={`${source} ${target} ${flag}`} pair={pair} project={project} flag={flag} />
    </Page>
  )
}

/** The two environments of the URL, or of the last comparison, or the first two. Undefined if there is only one. */
function pairOf(
  project: string,
  environments: readonly ListedEnvironment[],
  query: Readonly<Record<string, string>>,
): NamedPair | undefined {
  const [lastSource, lastTarget] = (read(`compare:${project}`) ?? '').split(' ')
  const find = (key: string | undefined) => environments.find((each) => each.key === key)
  const target =
    find(query['target']) ?? find(query['source'] === lastTarget ? undefined : lastTarget) ?? environments[1]
  const others = environments.filter((each) => each !== target)
  const source =
    others.find(({ key }) => key === query['source']) ?? others.find(({ key }) => key === lastSource) ?? others[0]
  return source && target && { source, target }
}
