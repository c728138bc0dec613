import { useQueryClient } from '@tanstack/preact-query'
import { useEffect, useState } from 'preact/hooks'
import type { Side } from '../../../flag/compare/merge-flag.ts'
import { type Answered, ApiError, call } from '../../api/client.ts'
import type { Api } from '../../api/gen/api.ts'
import { refreshProject } from '../../api/queries.ts'
import { useWrite } from '../../api/write.ts'
import { definitionDifferences } from '../../diff/differences.ts'
import { Button } from '../../parts/controls/button.tsx'
import { CheckField, FormError, SelectField, TextField } from '../../parts/controls/field.tsx'
import { DifferenceList } from '../../parts/display/differences.tsx'
import { Spinner } from '../../parts/display/empty.tsx'
import { Dialog } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import type { selectionOf } from './choices.ts'
import * as css from './compare.module.css'
import type { NamedPair } from './pair-choice.tsx'

const PROMOTE = 'POST /api/v1/projects/{project}/promote'
type Promotion = Api[typeof PROMOTE]['body']
type PromotionAnswer = Answered<typeof PROMOTE>['data']

type PromoteDialogProps = {
  readonly project: string
  readonly pair: NamedPair
  readonly flags: readonly ReturnType<typeof selectionOf>[]
  readonly segments: Readonly<Record<string, Side>>
  /** The revisions that were compared. */
  readonly seen: Pick<Promotion, 'ifSource' | 'ifTarget'>
  /** An environment was changed since it was compared. */
  readonly onStale: () => void
  readonly onDone: () => void
  readonly onClose: () => void
}

/** Shows what a promotion would change, from a dry run of the service, and carries it out. */
export function PromoteDialog(props: PromoteDialogProps) {
  const { pair, onClose } = props
  const [isStateTaken, setStateTaken] = useState(false)
  const [comment, setComment] = useState('')
  const [plans, setPlans] = useState<Promotion['plans']>()
  const { preview, error, isBusy, submit } = usePromotion(props, { isStateTaken, plans, comment })
  const changes = preview?.changed.length ?? 0
  const nothing = changes === 0 && (preview?.segments.length ?? 0) === 0
  const name = pair.target.name
  return (
    <Dialog
      title={`Promote from ${pair.source.name} to ${name}`}
      wide
      onClose={onClose}
      onSubmit={submit}
      actions={
        <>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button
            kind={pair.target.protected ? 'danger' : 'primary'}
            type="submit"
            disabled={!preview || nothing || isBusy}
          >
            {pair.target.protected
              ? `Confirm: change ${name}`
              : `Promote ${changes === 1 ? '1 flag' : `${changes} flags`}`}
          </Button>
        </>
      }
    >
      <div class={css.preview}>
        {!preview && !error && <Spinner label="Trying it" />}
        {preview && nothing && <p>Nothing in {name} would change.</p>}
        {preview && <Preview preview={preview} name={name} />}
        <FormError text={error && [error.message, ...error.mistakes.map(({ detail }) => detail)].join('. ')} />
        <PlansField pair={pair} plans={plans} error={error} onChange={setPlans} />
        <CheckField
          label={`Carry the states too: enabled or disabled as in ${pair.source.name}`}
          checked={isStateTaken}
          onChange={(event) => setStateTaken(event.currentTarget.checked)}
        />
        <TextField
          label="Comment"
          data-autofocus=""
          value={comment}
          maxLength={2000}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </div>
    </Dialog>
  )
}

type PlansFieldProps = {
  readonly pair: NamedPair
  readonly plans: Promotion['plans']
  readonly error: ApiError | undefined
  readonly onChange: (plans: Promotion['plans']) => void
}

/** The choice that the service wants where a selected flag has something planned. */
function PlansField({ pair, plans, error, onChange }: PlansFieldProps) {
  const isMissing = error?.mistakes.some(({ pointer }) => pointer === '/plans')
  if (!plans && !isMissing) return null
  return (
    <SelectField
      label="What is planned"
      value={plans ?? ''}
      onChange={({ currentTarget: { value } }) => onChange(value === 'drop' ? 'drop' : 'asIs')}
    >
      <option value="" disabled>
        Choose
      </option>
      <option value="asIs">Carry it: it happens in {pair.target.name} too</option>
      <option value="drop">Leave it out: carry what {pair.source.name} serves now</option>
    </SelectField>
  )
}

function Preview({ preview, name }: { readonly preview: PromotionAnswer; readonly name: string }) {
  return (
    <>
      {preview.changed.map(({ flag, before, after }) => (
        <section key={flag} aria-label={flag}>
          <h3 class={css.previewKey}>{flag}</h3>
          <DifferenceList differences={definitionDifferences(before, after)} />
        </section>
      ))}
      {preview.segments.length > 0 && (
        <p>
          Segments that {name} gets: {preview.segments.join(', ')}.
        </p>
      )}
      {preview.warnings.map(({ pointer, detail }) => (
        <p key={pointer} class={css.soft}>
          {detail}
        </p>
      ))}
    </>
  )
}

type Wishes = {
  readonly isStateTaken: boolean
  /** Undefined until it is chosen: the service wants it where a flag has something planned. */
  readonly plans: Promotion['plans']
  readonly comment: string
}

/** A dry run whenever the wishes change, and the promotion itself. */
function usePromotion(props: PromoteDialogProps, { isStateTaken, plans, comment }: Wishes) {
  const { project, pair, flags, segments, seen, onStale, onDone } = props
  const queries = useQueryClient()
  const [preview, setPreview] = useState<PromotionAnswer>()
  const promote = async (dryRun: boolean) => {
    const body = {
      source: pair.source.key,
      target: pair.target.key,
      ...seen,
      flags,
      resolveSegments: segments,
      state: isStateTaken ? 'take' : 'keep',
      plans,
      dryRun,
    } as unknown as Promotion
    const query = comment === '' || dryRun ? {} : { comment }
    return (await call(PROMOTE, { path: { project }, query, body })).data
  }
  const run = useWrite(async (dryRun: boolean) => {
    try {
      const answer = await promote(dryRun)
      if (dryRun) return setPreview(answer)
      const { length } = answer.changed
      showToast(
        `${length === 1 ? `${answer.changed[0]?.flag} is` : `${length} flags are`} promoted to ${pair.target.name}`,
      )
      void refreshProject(queries, project)
      onDone()
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) onStale()
      throw error
    }
  })
  useEffect(() => run.run(true), [isStateTaken, plans, seen.ifSource, seen.ifTarget])
  return { preview, error: run.error, isBusy: run.isBusy, submit: () => preview && run.run(false) }
}
