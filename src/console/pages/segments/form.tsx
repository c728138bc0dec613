import { useQueryClient } from '@tanstack/preact-query'
import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import { refreshProject } from '../../api/queries.ts'
import { Button } from '../../parts/controls/button.tsx'
import { FormError, TextArea } from '../../parts/controls/field.tsx'
import { Dialog } from '../../parts/overlays/dialog.tsx'
import { showToast } from '../../parts/overlays/toast.tsx'
import { applyEdits, parseText } from '../../rules/text.ts'
import { type SegmentPath, type SegmentUses, saveSegment } from './queries.ts'
import { RuleBuilder } from './rule-builder.tsx'
import * as css from './segments.module.css'
import { sayRuleText } from './sentence.ts'

type RuleFormProps = {
  readonly path: SegmentPath
  readonly newest: StoredRule
  readonly users: SegmentUses
  readonly isProtected: boolean
}

const ROWS_MIN = 6
const ROWS_MAX = 30

/** The rule of a segment in the builder and as JSON, with its sentence; saved as a whole. A change by another person never replaces what was typed. */
export function RuleForm({ path, newest, users, isProtected }: RuleFormProps) {
  const { text, setText, isDirty, isStale, isBusy, failure, save, loadNewest, discard } = useRule(path, newest)
  const [isAsking, setAsking] = useState(false)
  const [mistake] = parseText(text).mistakes
  const rows = Math.min(Math.max(text.split('\n').length + 1, ROWS_MIN), ROWS_MAX)
  const submit = () => (isProtected && !isAsking ? setAsking(true) : void save().finally(() => setAsking(false)))
  return (
    <div class={css.form}>
      <p class={css.says}>{mistake ? 'The text is no JSON yet' : sayRuleText(text)}</p>
      <RuleBuilder path={path} text={text} onEdit={(edit) => setText((now) => applyEdits(now, edit(now)))} />
      <details class={css.json} open={mistake !== undefined}>
        <summary>JSON</summary>
        <TextArea
          label="Rule as JSON"
          mono
          rows={rows}
          spellcheck={false}
          value={text}
          error={mistake?.message}
          hint="A condition in JSONLogic, or a list of values such as e-mail addresses"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </details>
      <FormError text={isStale ? STALE : failure && sayFailure(failure)} />
      <div class={css.save}>
        <span class={css.soft}>{users.flags.length > 0 && sayEffect(users.flags.length)}</span>
        {isStale ? (
          <Button icon="refresh" onClick={loadNewest}>
            Load the newest rule
          </Button>
        ) : (
          <Button kind="quiet" disabled={!isDirty || isBusy} onClick={discard}>
            Discard
          </Button>
        )}
        <Button kind="primary" disabled={!isDirty || isBusy || isStale || mistake !== undefined} onClick={submit}>
          Save
        </Button>
      </div>
      {isAsking && (
        <ConfirmSave
          place={path.environment}
          flags={users.flags.length}
          onCancel={() => setAsking(false)}
          onSave={submit}
        />
      )}
    </div>
  )
}

const STALE = 'Another person changed the segment meanwhile. Your text stays here until you load the newest rule.'

type ConfirmSaveProps = {
  readonly place: string
  readonly flags: number
  readonly onCancel: () => void
  readonly onSave: () => void
}

/** Asks before a change in a protected environment. */
const ConfirmSave = ({ place, flags, onCancel, onSave }: ConfirmSaveProps) => (
  <Dialog
    title={`Save in ${place}?`}
    onClose={onCancel}
    onSubmit={onSave}
    actions={
      <>
        <Button kind="quiet" onClick={onCancel}>
          Cancel
        </Button>
        <Button kind="primary" type="submit" data-autofocus="">
          Save
        </Button>
      </>
    }
  >
    <p>
      {place} is protected. {sayEffect(flags)}
    </p>
  </Dialog>
)

const sayEffect = (flags: number): string =>
  flags === 0 ? 'No flag uses the segment.' : `Applies to ${flags === 1 ? '1 flag' : `${flags} flags`} at once.`

function sayFailure({ message, mistakes }: ApiError): string {
  const [first, ...others] = mistakes
  if (!first) return message
  return `${first.pointer}: ${first.detail}${others.length > 0 ? ` (and ${others.length} more)` : ''}`
}

/** A rule as text with its ETag. */
type StoredRule = { readonly text: string; readonly etag: string | undefined }

/** The text that is edited and the rule that it began with. Only an unchanged text follows the newest rule. */
function useRule(path: SegmentPath, newest: StoredRule) {
  const queries = useQueryClient()
  const [base, setBase] = useState(newest)
  const [text, setText] = useState(newest.text)
  const [failure, setFailure] = useState<ApiError>()
  const [isBusy, setBusy] = useState(false)
  const isDirty = text !== base.text
  const adopt = (rule: StoredRule) => {
    setBase(rule)
    setText(rule.text)
    setFailure(undefined)
  }
  useEffect(() => {
    if (newest.etag !== base.etag && !isDirty && !isBusy) adopt(newest)
  }, [newest.etag, base.etag, isDirty, isBusy])
  useLeaveGuard(isDirty)
  const save = async () => {
    setBusy(true)
    try {
      const { etag } = await saveSegment(path, JSON.parse(text), base.etag)
      await refreshProject(queries, path.project)
      adopt({ text, etag })
      showToast(`${path.name} is saved`)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status === 412) await refreshProject(queries, path.project)
      setFailure(error)
    } finally {
      setBusy(false)
    }
  }
  const isStale = isDirty && !isBusy && newest.etag !== base.etag
  return {
    text,
    setText,
    isDirty,
    isStale,
    isBusy,
    failure,
    save,
    loadNewest: () => adopt(newest),
    discard: () => adopt(base),
  }
}

/** Lets the browser ask before it leaves the page with unsaved text. */
function useLeaveGuard(isDirty: boolean): void {
  useEffect(() => {
    if (!isDirty) return
    const ask = (event: Event) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isDirty])
}
