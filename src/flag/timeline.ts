import { type CompiledFlag, unreadText } from './compile.ts'
import { isRecord } from './definition.ts'
import type { FlagSet } from './flag-set.ts'
import { type Boundaries, boundariesOf, type Moment, NO_BOUNDARIES, type Ramp } from './rules/boundaries.ts'

/** In a ramp a step is this long, in seconds, or 1 % of the ramp where that is longer. */
const STEP_SECONDS_MIN = 60
const STEPS = 100

/** When time alone changes the answers of a flag set, and of which flags. Times are unix seconds. */
export class Timeline {
  readonly #flags: ReadonlyMap<string, Boundaries>

  constructor(flags: ReadonlyMap<string, Boundaries>) {
    this.#flags = flags
  }

  /** The next second at which an answer changes; Infinity when none ever does. */
  nextAfter(seconds: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const boundaries of this.#flags.values()) next = Math.min(next, nextOf(boundaries, seconds))
    return next
  }

  /** The flags whose answers change after `seconds`, up to and with `until`. */
  keysBetween(seconds: number, until: number): string[] {
    const keys: string[] = []
    for (const [key, boundaries] of this.#flags) if (nextOf(boundaries, seconds) <= until) keys.push(key)
    return keys
  }

  /** True when a boundary is between the two; what a ramp changes meanwhile does not count. */
  hasMomentBetween(seconds: number, until: number): boolean {
    for (const { moments, ramps } of this.#flags.values()) {
      if (moments.some((moment) => nextMoment(moment, seconds) <= until)) return true
      if (ramps.some(({ to }) => to > seconds && to <= until)) return true
    }
    return false
  }
}

function nextOf({ moments, ramps }: Boundaries, seconds: number): number {
  let next = Number.POSITIVE_INFINITY
  for (const moment of moments) next = Math.min(next, nextMoment(moment, seconds))
  for (const ramp of ramps) next = Math.min(next, nextStep(ramp, seconds))
  return next
}

function nextMoment({ at, isAfter, every }: Moment, seconds: number): number {
  const second = (moment: number) => (isAfter ? Math.floor(moment) + 1 : Math.ceil(moment))
  if (every === 0) return second(at) > seconds ? second(at) : Number.POSITIVE_INFINITY
  const turn = Math.floor((seconds - at) / every)
  const [next = Number.POSITIVE_INFINITY] = [0, 1, 2]
    .map((more) => second(at + (turn + more) * every))
    .filter((moment) => moment > seconds)
  return next
}

function nextStep({ from, to }: Ramp, seconds: number): number {
  if (seconds >= to) return Number.POSITIVE_INFINITY
  const step = Math.max(STEP_SECONDS_MIN, (to - from) / STEPS)
  const turn = Math.max(1, Math.floor((seconds - from) / step) + 1)
  return Math.max(Math.floor(seconds) + 1, Math.min(Math.ceil(from + turn * step), Math.ceil(to)))
}

const timelines = new WeakMap<FlagSet, Timeline>()

/** The timeline of a flag set. Flags are not compiled for it, and only read where their text mentions the time. */
export function timelineOf(set: FlagSet): Timeline {
  const known = timelines.get(set)
  if (known) return known
  // A segment reads the clock also where it does so through others.
  const hasTimedSegments = set.compiledSegments.compiled.values().some((segment) => segment?.readsClock)
  const flags = new Map<string, Boundaries>()
  for (const flag of set.flags.values()) {
    const boundaries = boundariesIn(flag, set, hasTimedSegments)
    if (boundaries.moments.length + boundaries.ramps.length > 0) flags.set(flag.key, boundaries)
  }
  const timeline = new Timeline(flags)
  timelines.set(set, timeline)
  return timeline
}

/** By flag: one that a change of the set leaves as it is reaches none of the segments that changed. */
const boundariesByFlag = new WeakMap<CompiledFlag, Boundaries>()

function boundariesIn(flag: CompiledFlag, { segments }: FlagSet, hasTimedSegments: boolean): Boundaries {
  const known = boundariesByFlag.get(flag)
  if (known) return known
  const text = unreadText(flag)
  const mayBeTimed = text === undefined || mentionsTime(text) || (hasTimedSegments && text.includes('"$ref"'))
  const boundaries = mayBeTimed && isEnabled(flag) ? boundariesOf(flag.definition.targeting, segments) : NO_BOUNDARIES
  boundariesByFlag.set(flag, boundaries)
  return boundaries
}

const isEnabled = ({ definition }: CompiledFlag): boolean => isRecord(definition) && definition.state === 'ENABLED'

const mentionsTime = (text: string): boolean => text.includes('$flagd')
