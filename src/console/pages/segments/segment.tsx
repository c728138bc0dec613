import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/p/:project/segments/:environment/:segment` */
export function SegmentPage({
  segment,
}: {
  readonly project: string
  readonly environment: string
  readonly segment: string
}) {
  return (
    <Page title={segment}>
      <Empty icon="segments" title="This page is not made yet" />
    </Page>
  )
}
