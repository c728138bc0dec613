import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/welcome` */
export function WelcomePage() {
  return (
    <Page title="Welcome">
      <Empty icon="sparkles" title="This page is not made yet" />
    </Page>
  )
}
