import { isRecord } from '../../../flag/definition.ts'
import { changesOf, type PlannedChange } from '../../../flag/plan/describe-plan.ts'
import type { Plan, Serve, UserShare } from '../../../flag/plan/plan.ts'
import { percentOf } from '../../../flag/plan/share.ts'
import { readDefinition } from '../read.ts'
import { sayDefinition, sayName } from '../say.ts'

/** A share of all users: `12.5 %`, at most three decimals. */
export function sayShare(share: UserShare): string {
  const percent = percentOf(share)
  const rounded = Number(percent.toFixed(3))
  return rounded === 0 && percent > 0 ? 'under 0.001 %' : `${rounded} %`
}

/** What a part of a plan serves: a variant, the default variant, or a rule in words. */
export function sayServe(serve: Serve): string {
  if ('variant' in serve) return sayName(serve.variant)
  if ('default' in serve) return 'the default variant'
  return 'rule' in serve ? sayPlanRule(serve.rule) : 'what its rule gives'
}

/** A rule of a plan in one sentence without a full stop. */
export function sayPlanRule(rule: unknown): string {
  if (!isRecord(rule)) return 'the default variant'
  const { view } = readDefinition(JSON.stringify({ state: 'ENABLED', variants: {}, targeting: rule }))
  return view ? sayDefinition(view, { defaultVariant: undefined }) : 'a rule'
}

/** What happens at a moment of a plan, as the end of a sentence: `50 % get on`. */
export function sayPlannedChange({ what, share, serve }: PlannedChange): string {
  const to = sayServe(serve)
  const part = share === undefined ? '' : sayShare(share)
  if (what === 'serve') return `${to} for everyone`
  if (what === 'pause') return `paused at ${part} ${to}`
  if (what === 'step') return `${part} get ${to}`
  return what === 'ramp_start' ? `starts to change from ${part} ${to}` : `reaches ${part} ${to}`
}

/** A part of a plan in one phrase, for comparisons. `name` is that of its member. */
export function sayPlanPart(name: string, value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (name === 'rule') return sayPlanRule(value)
  if (name !== 'timeline') return JSON.stringify(value)
  const changes = changesOf({ v: 1, timeline: value } as Plan)
  return changes.map((change) => `${sayDay(change)} ${sayPlannedChange(change)}`).join(', ') || 'nothing'
}

const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

const sayDay = ({ at }: PlannedChange): string => `${DAY.format((typeof at === 'number' ? at : at.utc) * 1_000)} UTC:`
