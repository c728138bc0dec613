import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { paths } from '../../app/paths.ts'
import { changeSentences } from '../../diff/history.ts'
import { CopyButton } from '../../parts/controls/copy.tsx'
import { DifferenceList, LineDifferences } from '../../parts/display/differences.tsx'
import { Icon, type IconName } from '../../parts/display/icon.tsx'
import { Time } from '../../parts/display/time.tsx'
import * as css from './entry.module.css'
import { type ChangeEntry, changeText, changeTexts, SHOWN_DETAILS } from './text.ts'

type EntryProps = { readonly change: ChangeEntry; readonly project: string }

const ICONS: Readonly<Record<string, IconName>> = {
  create: 'plus',
  delete: 'trash',
  archive: 'archive',
  restore: 'restore',
  rollback: 'rollback',
  revoke: 'ban',
}

/** One change as a sentence; it opens to show all that is recorded of it. */
export function Entry({ change, project }: EntryProps) {
  const [isOpen, setOpen] = useState(false)
  const { verb, kind, name, where, details } = changeText(change)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class={css.summary}>
        <span class={css.icon}>
          <Icon name={ICONS[change.action] ?? 'edit'} size={14} />
        </span>
        <span class={css.sentence}>
          {change.actor} {verb} {kind} <strong>{name}</strong>
          {where !== undefined && ` in ${where}`}
          {details !== '' && <span class={css.details}>: {details}</span>}
          {change.comment !== '' && <span class={css.comment}>{change.comment}</span>}
        </span>
        <span class={css.time}>
          <Time at={change.at} />
        </span>
        <Icon name={isOpen ? 'up' : 'down'} size={14} />
      </summary>
      {isOpen && <EntryBody change={change} project={project} />}
    </details>
  )
}

const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' })

function EntryBody({ change, project }: EntryProps) {
  const { before, after } = changeTexts(change)
  const { at, actor, revision, traceId, flag, environment } = change
  const differences = changeSentences(change)
  const isSaid = changeText(change).details !== '' && differences.length <= SHOWN_DETAILS
  return (
    <div class={css.body}>
      {!isSaid && <DifferenceList differences={differences} />}
      {(before !== '' || after !== '') && (
        <LineDifferences label="Difference of the JSON" before={before} after={after} />
      )}
      <dl class={css.facts}>
        <Fact name="Time">{EXACT.format(new Date(at))}</Fact>
        <Fact name="Author">{actor}</Fact>
        {revision !== null && <Fact name="Revision">{revision}</Fact>}
        {traceId !== '' && (
          <Fact name="Trace">
            <code>{traceId}</code>
            <CopyButton text={traceId} what="the trace id" />
          </Fact>
        )}
      </dl>
      {flag !== null && (
        <a href={paths.flag(project, flag, environment ?? undefined)}>
          Open {flag}
          {environment !== null && ` in ${environment}`}
        </a>
      )}
    </div>
  )
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div class={css.fact}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
