import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { ApiError, call } from '../../api/client.ts'
import { queryKeys } from '../../api/queries.ts'
import { Page } from '../../app/page.tsx'
import { noteProject } from '../../app/project.ts'
import { Button } from '../../parts/controls/button.tsx'
import { TextField } from '../../parts/controls/field.tsx'
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
  const [error, setError] = useState<string>()
  const create = async (event: Event) => {
    event.preventDefault()
    try {
      await call('POST /api/v1/projects', { body: { key } })
      for (const environment of ENVIRONMENTS)
        await call('POST /api/v1/projects/{project}/environments', { path: { project: key }, body: environment })
      noteProject(key)
      await queries.invalidateQueries({ queryKey: queryKeys.projects })
    } catch (failure) {
      if (!(failure instanceof ApiError)) throw failure
      setError(failure.mistakes[0]?.detail ?? failure.message)
    }
  }
  return (
    <Page
      title="Welcome"
      lead="A project holds the flags of one product, and each environment serves them in its own way."
    >
      <div class={css.ways}>
        <Card title="Create a project">
          <form class={css.form} onSubmit={(event) => void create(event)}>
            <TextField
              label="Key"
              mono
              autoFocus
              value={key}
              placeholder="shop"
              error={error}
              hint="It gets the environments development and production"
              onInput={(event) => {
                setKey(event.currentTarget.value.trim())
                setError(undefined)
              }}
            />
            <Button kind="primary" type="submit" disabled={key === ''}>
              Create
            </Button>
          </form>
        </Card>
      </div>
    </Page>
  )
}
