import { useState } from 'preact/hooks'
import { isSignedOut } from '../app/session.ts'
import { ApiError } from './client.ts'

/** A write of a form. `error` is that of the last run; `run` does nothing while one is under way. */
type Write<Given extends readonly unknown[]> = {
  readonly run: (...given: Given) => void
  readonly isBusy: boolean
  readonly error: ApiError | undefined
}

/** Runs `write` and keeps its error for the form. An answer 401 leads to the sign-in page. */
export function useWrite<Given extends readonly unknown[]>(write: (...given: Given) => Promise<void>): Write<Given> {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  const start = async (given: Given) => {
    setBusy(true)
    setError(undefined)
    try {
      await write(...given)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      if (failure.status === 401) isSignedOut.value = true
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return { run: (...given) => void (isBusy || start(given)), isBusy, error }
}
