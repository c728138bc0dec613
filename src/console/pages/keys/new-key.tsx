import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { call } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'
import { mistakesOf } from '../../api/mistakes.ts'
import { environmentsQuery, projectsQuery, queryKeys } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { lastProject } from '../../app/project.ts'
import { FormError, SelectField, TextField } from '../../parts/controls/field.tsx'
import { Dialog, FormActions } from '../../parts/overlays/dialog.tsx'
import { announce } from '../../parts/overlays/toast.tsx'
import { EXPIRIES, type Expiry, expiresAt, type KeyRole, type ROLES } from './keys.ts'
import * as css from './new-key.module.css'
import { RoleChoice } from './role-choice.tsx'
import { Secret } from './secret.tsx'

type CreatedKey = Api['POST /api/v1/keys']['response']

type NewKeyProps = {
  /** The roles to choose from. */
  readonly roles: typeof ROLES
  readonly onClose: () => void
}

/** Creates a key, and then shows its secret. */
export function NewKey({ roles, onClose }: NewKeyProps) {
  const [created, setCreated] = useState<CreatedKey & { readonly isCopied: boolean }>()
  return created ? (
    <Secret name={created.name} secret={created.secret} isCopied={created.isCopied} onClose={onClose} />
  ) : (
    <NewKeyForm roles={roles} onClose={onClose} onCreated={(key, isCopied) => setCreated({ ...key, isCopied })} />
  )
}

type NewKeyFormProps = NewKeyProps & {
  readonly onCreated: (key: CreatedKey, isCopied: boolean) => void
}

function NewKeyForm({ roles, onClose, onCreated }: NewKeyFormProps) {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<KeyRole>('client')
  const scope = useScope()
  const [expiry, setExpiry] = useState<Expiry>(EXPIRIES[0])
  const [day, setDay] = useState('')
  const end = expiresAt(expiry, day, Date.now())
  const [isTried, setTried] = useState(false)
  const { run, isBusy, error } = useWrite(async () => {
    const environment = role === 'admin' ? null : scope.environment
    if (end === undefined) return
    const { data } = await call('POST /api/v1/keys', {
      body: { name: name.trim(), role, environment, expiresAt: end },
    })
    await queries.invalidateQueries({ queryKey: queryKeys.keys })
    onCreated(data, await copied(data.secret))
  })
  const { fields, rest } = mistakesOf(error, ['name', 'environment', 'expiresAt'])
  const create = () => {
    setTried(true)
    if (name.trim() !== '' && end !== undefined) run()
  }
  const actions = (
    <FormActions onCancel={onClose} isDisabled={isBusy}>
      Create and copy
    </FormActions>
  )
  return (
    <Dialog title="New key" onClose={onClose} onSubmit={create} actions={actions}>
      <TextField
        label="Name"
        hint="The application or person that uses it"
        value={name}
        maxLength={200}
        data-autofocus=""
        error={isTried && name.trim() === '' ? 'A key needs a name' : fields['name']}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <RoleChoice roles={roles} role={role} onChange={setRole} />
      {role !== 'admin' && <ScopeFields scope={scope} error={fields['environment']} />}
      <SelectField
        label="Expires"
        value={expiry.name}
        error={fields['expiresAt']}
        onChange={({ currentTarget: { value } }) => setExpiry(EXPIRIES.find((each) => each.name === value) ?? expiry)}
      >
        {EXPIRIES.map(({ name, label }) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </SelectField>
      {expiry.days === undefined && (
        <TextField
          label="Last day"
          type="date"
          value={day}
          error={isTried && end === undefined ? 'Choose a day that is not over' : undefined}
          onInput={(event) => setDay(event.currentTarget.value)}
        />
      )}
      <FormError text={rest} />
    </Dialog>
  )
}

/** Copies a text if the browser allows it now. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    announce('The key is created and copied')
    return true
  } catch {
    announce('The key is created. Copy it now')
    return false
  }
}

type ScopeState = ReturnType<typeof useScope>

/** The environment of a new key: at first the first one of the project that was open last. */
function useScope() {
  const { data: projects = [] } = useQuery(projectsQuery())
  const [chosenProject, setProject] = useState(lastProject.value)
  const project = (projects.find(({ key }) => key === chosenProject) ?? projects[0])?.key
  const { data: environments = [] } = useQuery({ ...environmentsQuery(project ?? ''), enabled: project !== undefined })
  const [chosenEnvironment, setEnvironment] = useState<string>()
  const key = (environments.find((each) => each.key === chosenEnvironment) ?? environments[0])?.key
  const environment = project === undefined || key === undefined ? null : { project, environment: key }
  return { projects, environments, environment, project, setProject, setEnvironment }
}

function ScopeFields({ scope, error }: { readonly scope: ScopeState; readonly error: string | undefined }) {
  const { projects, environments, project, environment, setProject, setEnvironment } = scope
  return (
    <div class={css.scope}>
      {projects.length > 1 && (
        <SelectField label="Project" value={project} onChange={(event) => setProject(event.currentTarget.value)}>
          {projects.map(({ key, name }) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </SelectField>
      )}
      <SelectField
        label="Environment"
        value={environment?.environment}
        error={error}
        onChange={(event) => setEnvironment(event.currentTarget.value)}
      >
        {environments.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </SelectField>
    </div>
  )
}
