import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { ApiError, call } from '../../api/client.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { queryKeys } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { Page } from '../../app/page.tsx'
import { noteProject } from '../../app/project.ts'
import { Button } from '../../parts/controls/button.tsx'
import { FormError, TextField } from '../../parts/controls/field.tsx'
import { Card } from '../../parts/display/table.tsx'
import * as css from './page.module.css'

const ENVIRONMENTS = [
  { key: 'development', name: 'Development' },
  { key: 'production', name: 'Production' },
] as const

/** The first project of a deployment, with two environments. */
export function FirstProject() {
  const queries = useQueryClient()
  const [key, setKey] = useState('')
  const { run, isBusy, error } = useWrite(async () => {
    await unlessThere(call('POST /api/v1/projects', { body: { key } }))
    for (const environment of ENVIRONMENTS)
      await unlessThere(
        call('POST /api/v1/projects/{project}/environments', { path: { project: key }, body: environment }),
      )
    noteProject(key)
    await queries.invalidateQueries({ queryKey: queryKeys.projects })
  })
  const { fields, rest } = mistakesOf(error, ['key'])
  return (
    <Page
      title="Welcome"
      lead="A project holds the flags of one product, and each environment serves them in its own way."
    >
      <div class={css.ways}>
        <Card title="Create a project">
          <form
            class={css.form}
            onSubmit={(event) => {
              event.preventDefault()
              run()
            }}
          >
            <TextField
              label="Key"
              mono
              autoFocus
              value={key}
              placeholder="shop"
              error={fields['key']}
              hint="It gets the environments development and production"
              onInput={(event) => setKey(event.currentTarget.value.trim())}
            />
            <FormError text={rest} />
            <Button kind="primary" type="submit" disabled={key === '' || isBusy}>
              Create
            </Button>
          </form>
        </Card>
      </div>
    </Page>
  )
}

/** Waits for a creation. What exists already was created by a run that then failed. */
async function unlessThere(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 409)) throw error
  })
}
