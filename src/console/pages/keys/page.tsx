import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/keys` */
export function KeysPage() {
  return (
    <Page title="Keys">
      <Empty icon="key" title="This page is not made yet" />
    </Page>
  )
}
