import { isRecord } from '../../../flag/definition.ts'
import type { Api } from '../../api/gen/api.ts'
import { changeSentences, sayAction } from '../../diff/history.ts'

/** An entry of the record of changes. */
export type ChangeEntry = Api['GET /api/v1/changes']['response']['items'][number]

/** An entry as a sentence: `<actor> <verb> <what> in <where>: <details>`. */
type ChangeText = {
  /** "changed" */
  readonly verb: string
  /** Such as "flag" before its name; empty for a definition, which is named by its flag alone. */
  readonly kind: string
  readonly name: string
  /** Key of the environment; undefined where the change is about none, or about the environment itself. */
  readonly where: string | undefined
  /** What changed, in short; empty where the verb says it all. */
  readonly details: string
}

/** How many differences stand in the sentence of a change; the others are counted. */
export const SHOWN_DETAILS = 2
/** How the difference begins where one side does not exist, which the verb says already. */
const WHOLE_DEFINITION = /^(?:Added to|Removed from) the environment: /

/** What a change did, as the parts of one sentence. */
export function changeText(change: ChangeEntry): ChangeText {
  const { subject, action, environment } = change
  const isWithin = subject === 'definition' || subject === 'key' || subject === 'segment'
  return {
    verb: sayAction(action).toLowerCase(),
    kind: subject === 'definition' ? '' : subject,
    name: nameOf(change),
    where: isWithin ? (environment ?? undefined) : undefined,
    details: detailsOf(change),
  }
}

function nameOf({ subject, project, environment, flag, segment, before, after }: ChangeEntry): string {
  if (subject === 'key') return memberOf(after, 'name') ?? memberOf(before, 'name') ?? 'without a name'
  if (subject === 'segment') return segment ?? 'without a name'
  const names = { definition: flag, flag, environment, project }
  return names[subject] ?? 'without a name'
}

const memberOf = (value: unknown, name: string): string | undefined => {
  const member = isRecord(value) ? value[name] : undefined
  return typeof member === 'string' ? member : undefined
}

/** The first differences. What was created or deleted says no more than its name, except for rules. */
function detailsOf(change: ChangeEntry): string {
  const { subject, action } = change
  const isWhole = action === 'create' || action === 'delete' || action === 'revoke'
  if (isWhole && subject !== 'definition') return ''
  const sentences = changeSentences(change).map(({ text }) => text.replace(WHOLE_DEFINITION, ''))
  const more = sentences.length - SHOWN_DETAILS
  const shown = sentences.slice(0, SHOWN_DETAILS).join('; ')
  return more > 0 ? `${shown}; and ${more} more` : shown
}

/** The two sides of a change as indented JSON; a side that does not exist is empty. */
export function changeTexts({ before, after }: ChangeEntry): { readonly before: string; readonly after: string } {
  const text = (side: unknown) => (side === null || side === undefined ? '' : JSON.stringify(side, null, 2))
  return { before: text(before), after: text(after) }
}

const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })

/** Consecutive entries of one day, in the time zone of the browser. `now` is in milliseconds since 1970. */
export function byDay(
  entries: readonly ChangeEntry[],
  now: number,
): readonly { readonly day: string; readonly entries: readonly ChangeEntry[] }[] {
  const days: { day: string; entries: ChangeEntry[] }[] = []
  for (const entry of entries) {
    const day = sayDay(new Date(entry.at), new Date(now))
    const last = days.at(-1)
    if (last?.day === day) last.entries.push(entry)
    else days.push({ day, entries: [entry] })
  }
  return days
}

function sayDay(time: Date, now: Date): string {
  const yesterday = new Date(now)
  yesterday.setDate(now.getDate() - 1)
  if (time.toDateString() === now.toDateString()) return 'Today'
  return time.toDateString() === yesterday.toDateString() ? 'Yesterday' : DAY.format(time)
}
