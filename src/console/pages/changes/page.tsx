import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/p/:project/changes` */
export function ChangesPage(_: { readonly project: string }) {
  return (
    <Page title="Changes">
      <Empty icon="changes" title="This page is not made yet" />
    </Page>
  )
}
