import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/p/:project/flags/:flag/:environment?` */
export function FlagPage({ flag }: { readonly project: string; readonly flag: string; readonly environment?: string }) {
  return (
    <Page title={flag}>
      <Empty icon="flag" title="This page is not made yet" />
    </Page>
  )
}
