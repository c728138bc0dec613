import { isRecord, type JsonRecord } from '../../definition.ts'
import { FlagError, shorten } from '../../error.ts'
import {
  type PlanMoment,
  type RampShape,
  type RolloutStep,
  type Serve,
  STEPS_PER_ROLLOUT_MAX,
  secondOf,
} from '../plan.ts'
import { readMoment, readShare } from './moment.ts'
import { readAttribute, readSalt, readServe } from './plan.ts'
import { Reading } from './reading.ts'

/** A rollout as a client orders it. */
export type RolloutOrder = {
  readonly to: Serve
  /** By default what is served at the start. */
  readonly from?: Serve | undefined
  readonly by?: string | undefined
  readonly salt?: string | undefined
  readonly start: PlanMoment
  readonly shape:
    | { readonly steps: readonly RolloutStep[] }
    | { readonly ramp: Partial<RampShape> & Pick<RampShape, 'until'> }
  readonly note?: string | undefined
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }
const DURATION = /^(?:\d{1,9}[smhdw])+$/

/** Reads an order; times that are lengths ("6h") count from its start. Throws `invalid` with pointers. */
export function readOrder(value: unknown, now: number): RolloutOrder {
  const reading = new Reading({ pointer: '', now, newSalt: () => '' })
  const order = isRecord(value) ? read(value, reading) : reading.fail('', `Rollout is ${shorten(value)}, not an object`)
  if (order && reading.mistakes.length === 0) return order
  throw new FlagError('invalid', 'The rollout is invalid', { mistakes: reading.mistakes })
}

function read(value: JsonRecord, reading: Reading): RolloutOrder | undefined {
  reading.onlyMembers(value, ['to', 'from', 'by', 'salt', 'start', 'steps', 'ramp', 'note'], '')
  const { from, by, salt, note, steps, ramp } = value
  const to = readServe(value['to'], '/to', reading)
  const start = readMoment(value['start'] ?? 'now', '/start', reading)
  if (note !== undefined && typeof note !== 'string') reading.fail('/note', `Note is ${shorten(note)}, not a text`)
  const isShaped = (steps === undefined) !== (ramp === undefined)
  if (!isShaped) reading.fail('', 'A rollout has either "steps" or "ramp"')
  const others = {
    from: from === undefined ? undefined : readServe(from, '/from', reading),
    by: by === undefined ? undefined : readAttribute(by, '/by', reading),
    salt: salt === undefined ? undefined : readSalt(salt, '/salt', reading),
    note: typeof note === 'string' ? note : undefined,
  }
  if (start === undefined || to === undefined || !isShaped) return undefined
  const shape =
    ramp === undefined ? readSteps(steps, secondOf(start), reading) : readRamp(ramp, secondOf(start), reading)
  return shape && { to, start, shape, ...others }
}

function readSteps(value: unknown, start: number, reading: Reading): RolloutOrder['shape'] | undefined {
  if (!Array.isArray(value) || value.length === 0)
    return reading.fail('/steps', `Steps are ${shorten(value)}, not a list of {"after", "share"}`)
  if (value.length > STEPS_PER_ROLLOUT_MAX)
    return reading.fail('/steps', `Rollout has ${value.length} steps, more than ${STEPS_PER_ROLLOUT_MAX}`)
  const steps = value.flatMap((step, index): RolloutStep[] => {
    const place = `/steps/${index}`
    if (!isRecord(step)) return reading.fail(place, `Step is ${shorten(step)}, not {"after", "share"}`) ?? []
    reading.onlyMembers(step, ['at', 'after', 'share'], place)
    const at = readTime(step, { start, names: ['at', 'after'], place }, reading)
    const share = readShare(step['share'], `${place}/share`, reading)
    return at === undefined || share === undefined ? [] : [{ at, share }]
  })
  return { steps }
}

function readRamp(value: unknown, start: number, reading: Reading): RolloutOrder['shape'] | undefined {
  if (!isRecord(value)) return reading.fail('/ramp', `Ramp is ${shorten(value)}, not {"for"}`)
  reading.onlyMembers(value, ['until', 'for', 'fromShare', 'toShare'], '/ramp')
  const until = readTime(value, { start, names: ['until', 'for'], place: '/ramp' }, reading)
  const { fromShare, toShare } = value
  const from = fromShare === undefined ? undefined : readShare(fromShare, '/ramp/fromShare', reading)
  const to = toShare === undefined ? undefined : readShare(toShare, '/ramp/toShare', reading)
  if (until === undefined) return undefined
  return { ramp: { until, ...(from !== undefined && { fromShare: from }), ...(to !== undefined && { toShare: to }) } }
}

type TimePlace = {
  readonly start: number
  readonly names: readonly [moment: string, length: string]
  readonly place: string
}

/** A moment, or the length of time from the start to it. */
function readTime(value: JsonRecord, { start, names, place }: TimePlace, reading: Reading): PlanMoment | undefined {
  const [moment, length] = names
  if ((value[moment] === undefined) === (value[length] === undefined))
    return reading.fail(place, `Either "${moment}" or "${length}" is needed`)
  if (value[moment] !== undefined) return readMoment(value[moment], `${place}/${moment}`, reading)
  const text = value[length]
  if (typeof text !== 'string' || !DURATION.test(text))
    return reading.fail(`${place}/${length}`, `Length is ${shorten(text)}, not a text such as "6h" or "1d12h"`)
  const seconds = [...text.matchAll(/(\d{1,9})([smhdw])/g)].map(
    ([, count, unit = '']) => Number(count) * (UNITS[unit] ?? 0),
  )
  return readMoment(start + seconds.reduce((sum, part) => sum + part, 0), `${place}/${length}`, reading)
}
