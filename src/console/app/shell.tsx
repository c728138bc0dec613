import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/preact-query'
import { ErrorBoundary, LocationProvider } from 'preact-iso'
import { ApiError } from '../api/client.ts'
import { Toasts } from '../parts/overlays/toast.tsx'
import { Overlays } from './overlays/overlays.tsx'
import { CONSOLE } from './paths.ts'
import { Rail } from './rail/rail.tsx'
import { Routes, SignedOut } from './routes.tsx'
import { isSignedOut } from './session.ts'
import * as css from './shell.module.css'

const RETRIES_MAX = 2

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < RETRIES_MAX && error instanceof ApiError && isPassing(error),
    },
  },
  queryCache: new QueryCache({
    onError: (error) => {
      if (error instanceof ApiError && error.status === 401) isSignedOut.value = true
    },
  }),
})

/** Whether the same request may succeed in a moment. */
const isPassing = ({ status }: ApiError) => status === 0 || status >= 500 || status === 429

/** Everything that stays while pages change. */
export function Shell() {
  return (
    <QueryClientProvider client={queries}>
      <LocationProvider scope={CONSOLE}>
        <ErrorBoundary>
          {isSignedOut.value ? (
            <SignedOut />
          ) : (
            <div class={css.shell}>
              <a class={css.skip} href="#content">
                Skip to the content
              </a>
              <Rail />
              <main id="content" class={css.main} tabIndex={-1}>
                <Routes />
              </main>
              <Overlays />
            </div>
          )}
        </ErrorBoundary>
        <Toasts />
      </LocationProvider>
    </QueryClientProvider>
  )
}
