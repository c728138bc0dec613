import { useQuery } from '@tanstack/preact-query'
import { matrixQuery } from '../../api/queries.ts'
import { LoadFailure, Page } from '../../app/page.tsx'
import { paths } from '../../app/paths.ts'
import { Empty, Spinner } from '../../parts/display/empty.tsx'
import { Table } from '../../parts/display/table.tsx'

/** `/console/p/:project/flags` */
export function FlagsPage({ project }: { readonly project: string }) {
  const { data: matrix, error, refetch } = useQuery(matrixQuery(project))
  if (error) return <LoadFailure error={error} onRetry={() => void refetch()} />
  if (!matrix) return <Spinner />
  return (
    <Page title="Flags">
      {matrix.flags.length === 0 ? (
        <Empty icon="flag" title="No flags yet" />
      ) : (
        <Table label="Flags" columns={['Flag', ...matrix.environments.map(({ name }) => name)]}>
          {matrix.flags.map(({ key, environments }) => (
            <tr key={key}>
              <td>
                <a href={paths.flag(project, key)}>{key}</a>
              </td>
              {matrix.environments.map((environment) => (
                <td key={environment.key}>{environments[environment.key]?.served ?? 'not defined'}</td>
              ))}
            </tr>
          ))}
        </Table>
      )}
    </Page>
  )
}
