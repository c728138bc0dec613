import { changesOf, type PlannedChange } from '../../../../flag/plan/describe-plan.ts'
import { type Plan, secondOf } from '../../../../flag/plan/plan.ts'
import { Icon } from '../../../parts/display/icon.tsx'
import { Time } from '../../../parts/display/time.tsx'
import { sayPlannedChange } from '../../../rules/plan/say-plan.ts'
import { sayMoment, sayOtherZone } from './moments.ts'
import * as css from './rollout.module.css'

type PlanTimelineProps = {
  readonly plan: Plan
  /** Unix seconds. */
  readonly now: number
}

/** What a plan has done, what comes next, and what time will do after that. */
export function PlanTimeline({ plan, now }: PlanTimelineProps) {
  const changes = changesOf(plan)
  const next = changes.findIndex(({ at }) => secondOf(at) > now)
  return (
    <ol class={css.timeline} aria-label="Timeline">
      {changes.map((change, index) => (
        <Moment
          key={`${change.arm} ${change.what} ${secondOf(change.at)}`}
          change={change}
          now={now}
          state={next < 0 || index < next ? 'past' : index === next ? 'next' : 'later'}
        />
      ))}
    </ol>
  )
}

const STATES = {
  past: { icon: 'check', word: 'Done: ' },
  next: { icon: 'arrow', word: 'Next: ' },
  later: { icon: 'clock', word: 'Later: ' },
} as const

type MomentProps = { readonly change: PlannedChange; readonly now: number; readonly state: keyof typeof STATES }

function Moment({ change, now, state }: MomentProps) {
  const { icon, word } = STATES[state]
  const zone = sayOtherZone(change.at)
  return (
    <li class={css.moment} data-state={state}>
      <span class={css.mark}>
        <Icon name={icon} size={14} />
        <span class="visuallyHidden">{word}</span>
      </span>
      <span class={css.when}>
        {sayMoment(change.at, now)}
        <span class={css.soft}>
          {' '}
          <Time at={new Date(secondOf(change.at) * 1_000).toISOString()} now={now * 1_000} />
          {zone !== undefined && `, ${zone}`}
        </span>
      </span>
      <span class={css.what}>
        {sayPlannedChange(change)}
        {change.note !== undefined && <span class={css.soft}> {change.note}</span>}
      </span>
    </li>
  )
}
