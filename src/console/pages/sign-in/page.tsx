import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { ApiError, send } from '../../api/client.ts'
import { CONSOLE } from '../../app/paths.ts'
import { isSignedOut } from '../../app/session.ts'
import { Button } from '../../parts/controls/button.tsx'
import { TextField } from '../../parts/controls/field.tsx'
import { Icon } from '../../parts/display/icon.tsx'
import * as css from './page.module.css'

/** `/console/sign-in`, and in place of every page while no one is signed in. */
export function SignInPage() {
  const queries = useQueryClient()
  const { path, route } = useLocation()
  const [key, setKey] = useState('')
  const [error, setError] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const signIn = async (event: Event) => {
    event.preventDefault()
    setBusy(true)
    try {
      await send('POST', '/console/session', { body: { key: key.trim() } })
      queries.clear()
      isSignedOut.value = false
      if (path.endsWith('/sign-in')) route(`${CONSOLE}/`, true)
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      setError(failure.status === 401 ? 'This key is not known, or it was revoked' : failure.message)
      setBusy(false)
    }
  }
  return (
    <div class={css.page}>
      <form class={css.card} onSubmit={(event) => void signIn(event)}>
        <span class={css.mark}>
          <Icon name="flag" size={20} />
        </span>
        <h1>Sign in to Flagstaff</h1>
        <TextField
          label="API key"
          type="password"
          mono
          autoComplete="current-password"
          data-autofocus=""
          autoFocus
          value={key}
          error={error}
          hint="A viewer, editor or admin key. It is exchanged for a cookie and not kept here"
          onInput={(event) => {
            setKey(event.currentTarget.value)
            setError(undefined)
          }}
        />
        <Button kind="primary" type="submit" disabled={key.trim() === '' || isBusy}>
          Sign in
        </Button>
        <p class={css.note}>
          No key yet? An operator makes the first one with <code>flagstaff admin key</code>.
        </p>
      </form>
    </div>
  )
}
