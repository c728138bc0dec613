import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { ApiError, send } from '../../api/client.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { useWrite } from '../../api/write.ts'
import { CONSOLE } from '../../app/paths.ts'
import { isSignedOut } from '../../app/session.ts'
import { Button } from '../../parts/controls/button.tsx'
import { FormError, TextField } from '../../parts/controls/field.tsx'
import { Icon } from '../../parts/display/icon.tsx'
import * as css from './page.module.css'

/** `/console/sign-in`, and in place of every page while no one is signed in. */
export function SignInPage() {
  const queries = useQueryClient()
  const { path, route } = useLocation()
  const [key, setKey] = useState('')
  const { run, isBusy, error } = useWrite(async () => {
    await signIn(key.trim())
    queries.clear()
    isSignedOut.value = false
    if (path.endsWith('/sign-in')) route(`${CONSOLE}/`, true)
  })
  const { fields, rest } = mistakesOf(error, ['key'])
  return (
    <div class={css.page}>
      <form
        class={css.card}
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
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
          error={fields['key']}
          hint="A viewer, editor or admin key. It is exchanged for a cookie and not kept here"
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <FormError text={rest} />
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

/** Exchanges a key for the cookies of a session. Throws ApiError; an unknown key is a mistake in the form. */
async function signIn(key: string): Promise<void> {
  await send('POST', '/console/session', { body: { key } }).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 401)
      throw new ApiError(error.message, {
        status: 400,
        code: error.code,
        mistakes: [{ pointer: '/key', detail: 'This key is not known, or it was revoked' }],
      })
    throw error
  })
}
