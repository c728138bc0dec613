import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import type { Plan } from '../../../../flag/plan/plan.ts'
import { percentOf } from '../../../../flag/plan/share.ts'
import { paths } from '../../../app/paths.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { Badge } from '../../../parts/display/badge.tsx'
import { Card } from '../../../parts/display/table.tsx'
import { lazyPart } from '../lazy-part.tsx'
import type { FlagPlace, ReadDefinition, RuleWords } from '../queries.ts'
import { useNow } from './moments.ts'
import { PlanActions } from './plan-actions.tsx'
import { PlanChart } from './plan-chart.tsx'
import { type PlanNow, planAt, sayExact } from './plan-state.ts'
import { PlanTimeline } from './plan-timeline.tsx'
import { usePlanVerbs } from './plan-verbs.ts'
import * as css from './rollout.module.css'

const RolloutDialog = lazyPart(async () => (await import('./rollout-dialog.tsx')).RolloutDialog)

type RolloutCardProps = {
  readonly place: FlagPlace
  readonly stored: ReadDefinition
  /** The plan of the stored definition; undefined: there is none. */
  readonly plan: Plan | undefined
  readonly words: RuleWords
  /** The variant that a new rollout gives. */
  readonly variant: string | undefined
  readonly protectedName: string | undefined
  readonly isReadOnly: boolean
}

/** The rollout of a flag: what time has done, does now and will do, and the way to start or stop it. */
export function RolloutCard(props: RolloutCardProps) {
  const { place, plan, isReadOnly, stored } = props
  const { query, route } = useLocation()
  const isAsked = query['rollout'] === 'start'
  const [isStarting, setStarting] = useState(isAsked && !isReadOnly)
  const close = () => {
    setStarting(false)
    if (isAsked) route(paths.flag(place.project, place.key, place.environment), true)
  }
  const isPlanned = (plan?.timeline?.length ?? 0) > 0
  if (isReadOnly && !isPlanned) return null
  const start = (label: string) =>
    !isReadOnly && (
      <Button size="small" icon="percent" onClick={() => setStarting(true)}>
        {label}
      </Button>
    )
  return (
    <Card title="Rollout" actions={!isPlanned && start('Start a rollout')}>
      {plan && isPlanned ? (
        <Planned {...props} plan={plan} change={start('New rollout')} />
      ) : (
        <p class={css.soft}>
          Let a share of users get a variant that grows by itself, evenly or in steps. Nothing has to run at that time.
        </p>
      )}
      {plan && stored.definition.state !== 'ENABLED' && (
        <p class={css.soft}>The flag is disabled: time goes on, and nothing of it is served until it is enabled.</p>
      )}
      {isStarting && <RolloutDialog {...props} onClose={close} />}
    </Card>
  )
}

const PHASES = {
  plain: { tone: 'plain', word: 'no rollout' },
  scheduled: { tone: 'accent', word: 'scheduled' },
  running: { tone: 'accent', word: 'running' },
  paused: { tone: 'warn', word: 'paused' },
  finished: { tone: 'good', word: 'finished' },
} as const

type PlannedProps = RolloutCardProps & { readonly plan: Plan; readonly change: ComponentChildren }

function Planned({ place, plan, protectedName, isReadOnly, change }: PlannedProps) {
  const now = useNow(true)
  const state = planAt(plan, now)
  const verbs = usePlanVerbs(place)
  const { tone, word } = PHASES[state.phase]
  return (
    <div class={css.planned}>
      <p class={css.state}>
        <Badge tone={tone}>{word}</Badge> <span class={css.sentence}>{state.sentence}</span>
      </p>
      <ShareBar state={state} />
      <PlanChart plan={plan} now={now} />
      <PlanTimeline plan={plan} now={now} />
      {!isReadOnly && (
        <div class={css.actions}>
          <PlanActions phase={state.phase} verbs={verbs} protectedName={protectedName} />
          {change}
        </div>
      )}
    </div>
  )
}

/** The share at this second as a bar, with the exact fraction. */
function ShareBar({ state: { share } }: { readonly state: PlanNow }) {
  if (share === null) return null
  const percent = percentOf(share)
  return (
    <div class={css.share}>
      <meter class={css.meter} min={0} max={100} value={percent} aria-label="Share of users now" />
      <span class={css.soft}>exactly {sayExact(share)}</span>
    </div>
  )
}
