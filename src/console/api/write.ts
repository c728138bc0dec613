import { useState } from 'preact/hooks'
import { isSignedOut } from '../app/session.ts'
import { ApiError } from './client.ts'

/** A write of a form. `error` is that of the last run; `run` does nothing while one is under way. */
export type Write = {
  readonly run: () => void
  readonly isBusy: boolean
  readonly error: ApiError | undefined
}

/** Runs `write` and keeps its error for the form. An answer 401 leads to the sign-in page. */
export function useWrite(write: () => Promise<void>): Write {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<ApiError>()
  const start = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await write()
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      if (failure.status === 401) isSignedOut.value = true
      setError(failure)
    } finally {
      setBusy(false)
    }
  }
  return { run: () => void (isBusy || start()), isBusy, error }
}
