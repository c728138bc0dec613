import { useQueryClient } from '@tanstack/preact-query'
import { useMemo, useState } from 'preact/hooks'
import type { Plan } from '../../../../flag/plan/plan.ts'
import { call } from '../../../api/client.ts'
import type { Api } from '../../../api/gen/api.ts'
import { refreshProject } from '../../../api/queries.ts'
import { useWrite } from '../../../api/write.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { FormError, SelectField, TextField } from '../../../parts/controls/field.tsx'
import { Dialog } from '../../../parts/overlays/dialog.tsx'
import { showToast } from '../../../parts/overlays/toast.tsx'
import { FLAG_PATH, type FlagPlace, type ReadDefinition, type RuleWords } from '../queries.ts'
import { secondNow } from './moments.ts'
import { planAt } from './plan-state.ts'
import { PlanTimeline } from './plan-timeline.tsx'
import * as css from './rollout.module.css'
import { firstForm, orderOf, previewOf, type RolloutForm } from './rollout-form.ts'
import { ShapeFields } from './shape-fields.tsx'
import { StartFields } from './start-fields.tsx'
import { planOf, writePlan } from './write-plan.ts'

type RolloutDialogProps = {
  readonly place: FlagPlace
  readonly stored: ReadDefinition
  readonly plan: Plan | undefined
  readonly words: RuleWords
  readonly variant: string | undefined
  readonly protectedName: string | undefined
  readonly onClose: () => void
}

const ROLLOUT = `POST ${FLAG_PATH}/plan/rollout` as const

/** Starts or schedules a rollout. What it will do is shown while it is typed, by the code of the service. */
export function RolloutDialog({
  place,
  stored,
  plan,
  words,
  variant = '',
  protectedName,
  onClose,
}: RolloutDialogProps) {
  const queries = useQueryClient()
  const [isAsking, setAsking] = useState(false)
  const now = useMemo(secondNow, [])
  const isReplacing = plan !== undefined && !['plain', 'finished'].includes(planAt(plan, now).phase)
  const [form, setForm] = useState<RolloutForm>(() => firstForm(variant, isReplacing ? '' : '10'))
  const preview = useMemo(() => previewOf(planOf(stored.definition), form, now), [stored, form, now])
  const write = useWrite(async () => {
    const body = orderOf(form) as Api[typeof ROLLOUT]['body']
    await writePlan(place, (_, options) => call(ROLLOUT, { path: place, query: { replace: 'true' }, body }, options))
    showToast(`${place.key} in ${place.environment} rolls out ${form.variant}`)
    await refreshProject(queries, place.project)
    onClose()
  })
  const change = (part: Partial<RolloutForm>) => {
    setAsking(false)
    setForm({ ...form, ...part })
  }
  const submit = () => {
    if (!preview.plan) return
    if (protectedName === undefined || isAsking) write.run()
    else setAsking(true)
  }
  const mistakes = [...preview.mistakes.map(({ message }) => message), ...mistakesOf(write.error)]
  return (
    <Dialog
      title={`Roll out in ${protectedName ?? place.environment}`}
      wide
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button kind={isAsking ? 'danger' : 'primary'} type="submit" disabled={!preview.plan || write.isBusy}>
            {isAsking ? `Confirm: change ${protectedName}` : form.start ? 'Schedule' : 'Start'}
          </Button>
        </>
      }
    >
      <div class={css.form}>
        {isReplacing && <p>The rollout that is under way ends; this one begins with its share.</p>}
        <UserFields form={form} stored={stored} words={words} onChange={change} />
        <ShapeFields form={form} onChange={change} />
        <StartFields start={form.start} onChange={(start) => change({ start })} />
        <TextField
          label="Note"
          value={form.note}
          maxLength={1_000}
          onInput={(event) => change({ note: event.currentTarget.value })}
        />
        {preview.plan && (
          <section aria-label="What will happen">
            <PlanTimeline plan={preview.plan} now={now - 1} />
          </section>
        )}
        <FormError text={mistakes.length === 0 ? undefined : mistakes.join('. ')} />
      </div>
    </Dialog>
  )
}

type UserFieldsProps = Pick<RolloutDialogProps, 'stored' | 'words'> & {
  readonly form: RolloutForm
  readonly onChange: (part: Partial<RolloutForm>) => void
}

/** What users get, and what they are told apart by. */
function UserFields({ form, stored, words, onChange: change }: UserFieldsProps) {
  return (
    <div class={css.pair}>
      <SelectField
        label="Users get"
        data-autofocus=""
        value={form.variant}
        hint="The others get what they get now"
        onChange={(event) => change({ variant: event.currentTarget.value })}
      >
        {Object.keys(stored.definition.variants).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </SelectField>
      <TextField
        label="By"
        value={form.by}
        placeholder="targetingKey"
        list="rollout-attributes"
        hint="The attribute that users are told apart by"
        onInput={(event) => change({ by: event.currentTarget.value })}
      />
      <datalist id="rollout-attributes">
        {words.attributes.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  )
}

const mistakesOf = (error: ReturnType<typeof useWrite>['error']): string[] =>
  error ? [error.message, ...error.mistakes.map(({ detail }) => detail)] : []
