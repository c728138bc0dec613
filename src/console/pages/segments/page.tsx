import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/p/:project/segments` */
export function SegmentsPage(_: { readonly project: string }) {
  return (
    <Page title="Segments">
      <Empty icon="segments" title="This page is not made yet" />
    </Page>
  )
}
