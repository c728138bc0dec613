import { changesOf, describePlan } from '../../../../flag/plan/describe-plan.ts'
import { type Plan, secondOf } from '../../../../flag/plan/plan.ts'
import { percentOf } from '../../../../flag/plan/share.ts'
import * as css from './rollout.module.css'

const WIDTH = 600
const HEIGHT = 80
const SAMPLES = 120
/** Room before the first and after the last change, as a part of the time between. */
const MARGIN = 0.08

type PlanChartProps = { readonly plan: Plan; readonly now: number }

/** The share over time, with a line at the present. Says nothing that the timeline does not say. */
export function PlanChart({ plan, now }: PlanChartProps) {
  const moments = changesOf(plan).map(({ at }) => secondOf(at))
  const [first, last] = [Math.min(...moments), Math.max(...moments)]
  if (moments.length < 2 || first === last) return null
  const margin = (last - first) * MARGIN
  const [start, end] = [first - margin, last + margin]
  const x = (second: number) => ((second - start) / (end - start)) * WIDTH
  const y = (second: number) => {
    const { share } = describePlan(plan, Math.round(second))
    return HEIGHT - ((share === null ? 0 : percentOf(share)) / 100) * HEIGHT
  }
  // At each change the share may jump: a point just before it, and one at it.
  const seconds = [
    ...Array.from({ length: SAMPLES + 1 }, (_, index) => start + ((end - start) * index) / SAMPLES),
    ...moments.flatMap((moment) => [moment - 1, moment]),
  ].sort((one, other) => one - other)
  const line = seconds.map((second) => `${x(second).toFixed(1)} ${y(second).toFixed(1)}`).join('L')
  const present = x(Math.min(Math.max(now, start), end))
  return (
    <svg class={css.chart} viewBox={`0 -4 ${WIDTH} ${HEIGHT + 8}`} preserveAspectRatio="none" aria-hidden="true">
      <path class={css.area} d={`M${line}V${HEIGHT}H0Z`} />
      <path class={css.curve} d={`M${line}`} />
      <path class={css.present} d={`M${present.toFixed(1)} -4V${HEIGHT + 4}`} />
    </svg>
  )
}
