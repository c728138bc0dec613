import { useEffect, useMemo, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Context } from '../../../../flag/definition.ts'
import { explain, possibleChanges } from '../../../../flag/explain/explain.ts'
import type { ExplainableFlag } from '../../../../flag/explain/trace.ts'
import * as field from '../../../parts/controls/field.module.css'
import { localTime, timeOf } from '../../../parts/display/local-time.ts'
import type { FlagPlace } from '../queries.ts'
import { AllFlags } from './all-flags.tsx'
import { Answer, Changes } from './answer.tsx'
import { readsClock } from './context.ts'
import { ContextForm } from './context-form.tsx'
import * as css from './explain.module.css'
import { ManyContexts } from './many-contexts.tsx'
import { recentContexts, rememberContext } from './recent.ts'
import { Trace } from './trace.tsx'

type ExplainPanelProps = {
  readonly place: FlagPlace
  /** With the definition as it is edited. */
  readonly flag: ExplainableFlag
  /** Whether the definition differs from the stored one. */
  readonly isDraft: boolean
  /** Called with the JSON pointer of a part of the rule. */
  readonly onSelect?: (pointer: string) => void
}

/** Why a user gets a value. Everything is computed in the browser, so contexts stay there. */
export function ExplainPanel({ place, flag, isDraft, onSelect }: ExplainPanelProps) {
  const { project } = place
  const [recent] = useState(() => recentContexts(project))
  const user = useLocation().query['user']
  const [context, setContext] = useState<Context>(() => recent[0] ?? { targetingKey: 'user-1' })
  useEffect(() => {
    if (user !== undefined) setContext(contextOf(user, recent))
  }, [user, recent])
  const [at, setAt] = useState<number>()
  const now = at ?? Math.floor(Date.now() / 1_000)
  const explanation = useMemo(() => explain(flag, context, now), [flag, context, now])
  const changes = useMemo(() => possibleChanges(flag, explanation, context, now), [flag, explanation, context, now])
  useEffect(() => rememberContext(project, context), [project, context])
  return (
    <section class={css.explainPanel} aria-label="Explain">
      <h2>Why this value? {isDraft && <span class={css.muted}>with your changes</span>}</h2>
      <ContextForm
        key={project}
        context={context}
        rule={flag.definition.targeting}
        segments={flag.segments}
        missing={explanation.missing}
        onChange={setContext}
      />
      <RecentContexts contexts={recent} current={context} onPick={setContext} />
      {readsClock(flag.definition.targeting, flag.segments) && <Moment at={at} onChange={setAt} />}
      <Answer explanation={explanation} />
      <Trace explanation={explanation} onSelect={onSelect} />
      <Changes changes={changes} explanation={explanation} onSelect={onSelect} />
      <ManyContexts flag={flag} now={now} />
      <AllFlags place={place} scope={flag} context={context} now={now} />
    </section>
  )
}

/** The context of a user whom a link names: the one that was explained before, if there is one. */
const contextOf = (user: string, recent: readonly Context[]): Context =>
  recent.find(({ targetingKey }) => targetingKey === user) ?? { targetingKey: user }

type RecentContextsProps = {
  readonly contexts: readonly Context[]
  readonly current: Context
  readonly onPick: (context: Context) => void
}

function RecentContexts({ contexts, current, onPick }: RecentContextsProps) {
  const others = contexts.filter((each) => JSON.stringify(each) !== JSON.stringify(current))
  if (others.length === 0) return null
  return (
    <div class={css.chips} role="toolbar" aria-label="Recent users">
      {others.slice(0, 5).map((each) => (
        <button
          key={JSON.stringify(each)}
          type="button"
          class={css.chip}
          title={JSON.stringify(each)}
          onClick={() => onPick(each)}
        >
          {String(each['targetingKey'] ?? 'no key')}
        </button>
      ))}
    </div>
  )
}

function Moment({ at, onChange }: { at: number | undefined; onChange: (at: number | undefined) => void }) {
  return (
    <label class={css.field}>
      <span>Time of the evaluation ({at === undefined ? 'now' : 'as chosen'})</span>
      <input
        type="datetime-local"
        class={field.input}
        value={at === undefined ? '' : localTime(at * 1_000)}
        onInput={({ currentTarget }) => {
          const time = timeOf(currentTarget.value)
          onChange(time === undefined ? undefined : Math.floor(time / 1_000))
        }}
      />
    </label>
  )
}
