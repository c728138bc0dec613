import { Page } from '../../app/page.tsx'
import { Empty } from '../../parts/display/empty.tsx'

/** `/console/sign-in` */
export function SignInPage() {
  return (
    <Page title="Sign in">
      <Empty icon="key" title="This page is not made yet" />
    </Page>
  )
}
