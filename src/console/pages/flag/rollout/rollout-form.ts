import { FlagError, type Mistake } from '../../../../flag/error.ts'
import { startRollout } from '../../../../flag/plan/edit/start-rollout.ts'
import type { Plan } from '../../../../flag/plan/plan.ts'
import { readOrder } from '../../../../flag/plan/read/order.ts'

/** Units of a length of time, as the API writes them. */
export const LENGTH_UNITS = { m: 'minutes', h: 'hours', d: 'days', w: 'weeks' } as const
export type LengthUnit = keyof typeof LENGTH_UNITS
/** A length of time as it is typed. */
export type TypedLength = { readonly count: string; readonly unit: LengthUnit }
/** A share in per cent as it is typed, from a time after the start on. */
export type TypedStep = TypedLength & { readonly share: string }

/** The form of a rollout, as it is typed. */
export type RolloutForm = {
  readonly variant: string
  /** An attribute; empty: the targeting key. */
  readonly by: string
  readonly shape: 'ramp' | 'steps'
  /** Per cent; empty: the share that a running rollout has. */
  readonly from: string
  readonly to: string
  readonly length: TypedLength
  readonly steps: readonly TypedStep[]
  /** Undefined: now. `local` is the value of an `<input type="datetime-local">`. */
  readonly start: { readonly local: string; readonly zone: string } | undefined
  readonly note: string
}

const step = (share: string, count: string, unit: LengthUnit): TypedStep => ({ share, count, unit })

/** From 10 to 100 % over a week; in steps 1, 10, 50 and 100 %. */
export const firstForm = (variant: string, from = '10'): RolloutForm => ({
  variant,
  by: '',
  shape: 'ramp',
  from,
  to: '100',
  length: { count: '1', unit: 'w' },
  steps: [step('1', '0', 'h'), step('10', '1', 'd'), step('50', '3', 'd'), step('100', '7', 'd')],
  start: undefined,
  note: '',
})

/** Typed per cent in 1/100,000 of all users; what is no such number stays, so that the checks name it. */
function shareOf(percent: string): unknown {
  const number = Number(percent.trim())
  return percent.trim() === '' || Number.isNaN(number) ? percent : Number((number * 1_000).toFixed(3))
}

const lengthOf = ({ count, unit }: TypedLength): string => `${count.trim()}${unit}`

/** The body of `POST …/plan/rollout`. */
export function orderOf({ variant, by, shape, from, to, length, steps, start, note }: RolloutForm) {
  const ramp = {
    for: lengthOf(length),
    ...(from.trim() !== '' && { fromShare: shareOf(from) }),
    toShare: shareOf(to),
  }
  return {
    to: { variant },
    ...(by.trim() !== '' && { by: by.trim() }),
    start: start ?? 'now',
    ...(shape === 'ramp'
      ? { ramp }
      : { steps: steps.map((each) => ({ after: lengthOf(each), share: shareOf(each.share) })) }),
    ...(note.trim() !== '' && { note: note.trim() }),
  }
}

type Preview = { readonly plan: Plan | undefined; readonly mistakes: readonly Mistake[] }

/** The plan that a form would make at `now` (unix seconds), by the code of the service; or what is wrong with the form. */
export function previewOf(plan: Plan, form: RolloutForm, now: number): Preview {
  try {
    const options = { now, replace: true, leave: false, newSalt: () => 'preview' }
    return { plan: startRollout(plan, readOrder(orderOf(form), now), options), mistakes: [] }
  } catch (error) {
    if (!(error instanceof FlagError)) throw error
    const { mistakes } = error
    return { plan: undefined, mistakes: mistakes.length > 0 ? mistakes : [{ pointer: '', message: error.message }] }
  }
}
