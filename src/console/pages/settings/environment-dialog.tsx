import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { call } from '../../api/client.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { patchOf } from '../../api/patch.ts'
import { refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { CheckField, FormError, SelectField, TextArea, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { BUCKETING_TEXT, type Environment, metadataOf } from './settings.ts'
import { changeEnvironment } from './writes.ts'

type EnvironmentDialogProps = {
  readonly project: string
  /** Undefined for a new one. */
  readonly environment?: Environment
  readonly onClose: () => void
}
type Form = Pick<Environment, 'name' | 'description' | 'bucketing' | 'protected'>

const BUCKETINGS = ['v1', 'v2', 'v3'] as const
const FIELDS = ['key', 'name', 'description', 'bucketing', 'protected', 'metadata']

const formOf = (environment: Environment | undefined): Form => ({
  name: environment?.name ?? '',
  description: environment?.description ?? '',
  bucketing: environment?.bucketing ?? 'v2',
  protected: environment?.protected ?? false,
})

/** Creates an environment, or changes its settings. */
export function EnvironmentDialog({ project, environment, onClose }: EnvironmentDialogProps) {
  const queries = useQueryClient()
  const [seen, setSeen] = useState(environment)
  const [key, setKey] = useState(environment?.key ?? '')
  const [first] = useState({ ...formOf(environment), metadata: environment?.metadata ?? {} })
  const [form, setForm] = useState<Form>(formOf(environment))
  const [text, setText] = useState(() => JSON.stringify(first.metadata, null, 2))
  const metadata = metadataOf(text)
  const { run, isBusy, error } = useWrite(async () => {
    if (typeof metadata === 'string') return
    try {
      if (seen) await changeEnvironment(seen, patchOf(first, { ...form, metadata }), setSeen)
      else await createEnvironment(project, key, form)
    } finally {
      await refreshProject(queries, project)
    }
    showToast(environment ? `Environment ${form.name} is saved` : `Environment ${key} is created`)
    onClose()
  })
  const { fields, rest } = mistakesOf(error, FIELDS)
  const title = environment ? `Environment ${environment.name}` : 'New environment'
  const actions = (
    <FormActions onCancel={onClose} isDisabled={isBusy || key === '' || typeof metadata === 'string'}>
      {environment ? 'Save' : 'Create'}
    </FormActions>
  )
  return (
    <Dialog title={title} onClose={onClose} onSubmit={run} actions={actions}>
      {!environment && (
        <TextField
          label="Key"
          hint="a–z, 0–9 and hyphens. Providers select the environment by it; it cannot be changed later"
          mono
          data-autofocus=""
          value={key}
          error={fields['key']}
          onInput={(event) => setKey(event.currentTarget.value.trim())}
        />
      )}
      <Settings form={form} onChange={setForm} fields={fields} isNew={!environment} />
      {environment && (
        <TextArea
          label="Metadata of the flag set"
          hint="A JSON object of texts, numbers and booleans. Providers get it with each evaluation"
          mono
          spellcheck={false}
          value={text}
          error={typeof metadata === 'string' ? metadata : fields['metadata']}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      )}
      <FormError text={rest} />
    </Dialog>
  )
}

async function createEnvironment(project: string, key: string, { name, ...settings }: Form): Promise<void> {
  const body = { key, ...settings, ...(name !== '' && { name }) }
  await call('POST /api/v1/projects/{project}/environments', { path: { project }, body })
}

type SettingsProps = {
  readonly form: Form
  readonly onChange: (form: Form) => void
  /** Mistakes by field. */
  readonly fields: Readonly<Record<string, string>>
  readonly isNew: boolean
}

function Settings({ form, onChange, fields, isNew }: SettingsProps) {
  return (
    <>
      <TextField
        label="Name"
        hint={isNew ? 'The key, if empty' : undefined}
        data-autofocus={isNew ? undefined : ''}
        value={form.name}
        maxLength={200}
        error={fields['name']}
        onInput={(event) => onChange({ ...form, name: event.currentTarget.value })}
      />
      <TextField
        label="Description"
        value={form.description}
        maxLength={2000}
        error={fields['description']}
        onInput={(event) => onChange({ ...form, description: event.currentTarget.value })}
      />
      <SelectField
        label="Bucketing"
        hint={isNew ? BUCKETING_TEXT : `${BUCKETING_TEXT} Another version moves users to other variants.`}
        value={form.bucketing}
        error={fields['bucketing']}
        onChange={({ currentTarget: { value } }) =>
          onChange({ ...form, bucketing: BUCKETINGS.find((each) => each === value) ?? form.bucketing })
        }
      >
        {BUCKETINGS.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </SelectField>
      <CheckField
        label="Protected: changes need a confirmation"
        checked={form.protected}
        onChange={() => onChange({ ...form, protected: !form.protected })}
      />
      <FormError text={fields['protected']} />
    </>
  )
}
