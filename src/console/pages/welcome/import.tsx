import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { type ApiError, send } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'
import type { Matrix } from '../../api/matrix.ts'
import { refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { Button } from '../../parts/controls/button.tsx'
import { FormError, SelectField } from '../../parts/controls/field.tsx'
import { Icon } from '../../parts/display/icon.tsx'
import { Card } from '../../parts/display/table.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import * as css from './page.module.css'

type Applied = Api['PUT /api/v1/projects/{project}/environments/{environment}/flagset']['response']
type Chosen = { readonly file: File; readonly environment: string; readonly difference: Applied }

/** A flagd file into an environment: its difference first, and nothing is removed. */
export function ImportFile({ matrix }: { readonly matrix: Matrix }) {
  const { project, environments } = matrix
  const queries = useQueryClient()
  const [environment, setEnvironment] = useState(environments[0]?.key ?? '')
  const [chosen, setChosen] = useState<Chosen>()
  /** The file is sent as it is: parsed here, numbers would lose digits that the service refuses by name. */
  const apply = async (file: File, environment: string, dryRun: boolean): Promise<Applied> => {
    const url = `/api/v1/projects/${project}/environments/${environment}/flagset?dryRun=${dryRun}`
    return (await send('PUT', url, { body: file })).json()
  }
  const { run, isBusy, error } = useWrite((step: () => Promise<void>) => step())
  const take = async (file: File) => {
    setChosen(undefined)
    setChosen({ file, environment, difference: await apply(file, environment, true) })
  }
  const save = async ({ file, environment }: Chosen) => {
    const { created, updated } = await apply(file, environment, false)
    setChosen(undefined)
    showToast(`${file.name}: ${created.length} flags created, ${updated.length} changed`)
    await refreshProject(queries, project)
  }
  return (
    <Card title="Import a flagd file">
      <SelectField
        label="Into the environment"
        value={environment}
        onChange={(event) => {
          setEnvironment(event.currentTarget.value)
          setChosen(undefined)
        }}
      >
        {environments.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </SelectField>
      <DropZone onFile={(file) => file && run(() => take(file))} />
      <FormError text={error && messageOf(error)} />
      {chosen && (
        <Difference
          chosen={chosen}
          isBusy={isBusy}
          onApply={() => run(() => save(chosen))}
          onCancel={() => setChosen(undefined)}
        />
      )}
    </Card>
  )
}

function messageOf({ message, mistakes: [first] }: ApiError): string {
  return first ? `${message}: ${first.detail} (${first.pointer})` : message
}

function DropZone({ onFile }: { readonly onFile: (file: File | undefined) => void }) {
  const [isOver, setOver] = useState(false)
  return (
    <label
      class={css.drop}
      data-over={isOver}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault()
        setOver(false)
        onFile(event.dataTransfer?.files[0])
      }}
    >
      <Icon name="upload" size={20} />
      <span>Drop a JSON file here, or choose one</span>
      <input
        type="file"
        class="visuallyHidden"
        accept=".json,application/json"
        onChange={(event) => {
          onFile(event.currentTarget.files?.[0])
          event.currentTarget.value = '' // so that the same file can be chosen again
        }}
      />
    </label>
  )
}

type DifferenceProps = {
  readonly chosen: Chosen
  readonly isBusy: boolean
  readonly onApply: () => void
  readonly onCancel: () => void
}

function Difference({ chosen: { file, difference }, isBusy, onApply, onCancel }: DifferenceProps) {
  const { created, updated, segments, warnings } = difference
  const isSame = created.length + updated.length === 0 && !segments
  return (
    <div class={css.difference}>
      <h3>{isSame ? `${file.name} changes nothing` : `What ${file.name} changes`}</h3>
      <Keys label="Created" keys={created} />
      <Keys label="Changed" keys={updated} />
      {segments && <p>Segments change as well.</p>}
      {warnings.length > 0 && (
        <p class={css.note}>{warnings.length} warnings: other engines of flagd evaluate parts differently.</p>
      )}
      <div class={css.actions}>
        <Button kind="primary" disabled={isSame || isBusy} onClick={onApply}>
          Apply
        </Button>
        <Button kind="quiet" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </div>
  )
}

const KEYS_SHOWN = 20

const Keys = ({ label, keys }: { readonly label: string; readonly keys: readonly string[] }) =>
  keys.length === 0 ? null : (
    <p>
      <strong>
        {label} ({keys.length}):
      </strong>{' '}
      {keys.slice(0, KEYS_SHOWN).join(', ')}
      {keys.length > KEYS_SHOWN && ' …'}
    </p>
  )
