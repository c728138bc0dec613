import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/settings` */
export function SettingsPage() {
  return (
    <Page title="Settings">
      <Empty icon="settings" title="This page is not made yet" />
    </Page>
  )
}
