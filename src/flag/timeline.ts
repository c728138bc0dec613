import { type CompiledFlag, unparsedText } from './compile.ts'
import { isRecord } from './definition.ts'
import type { FlagSet } from './flag-set.ts'
import { type Boundaries, boundariesOf, type Moment, NO_BOUNDARIES, type Ramp } from './rules/boundaries.ts'

/** A step in a ramp lasts this long, in seconds, or 1 % of the ramp if that is longer. */
const STEP_SECONDS_MIN = 60
const STEPS = 100

/** When time alone changes evaluations of a flag set, and of which flags. Times are unix seconds. */
export class Timeline {
  readonly #flags: ReadonlyMap<string, Boundaries>

  constructor(flags: ReadonlyMap<string, Boundaries>) {
    this.#flags = flags
  }

  /** The next second at which an evaluation changes; Infinity if there is none. */
  nextAfter(seconds: number): number {
    return this.#flags
      .values()
      .reduce((next, boundaries) => Math.min(next, nextOf(boundaries, seconds)), Number.POSITIVE_INFINITY)
  }

  /** The keys of the flags whose evaluations change after `seconds` and at or before `until`. */
  keysBetween(seconds: number, until: number): string[] {
    const changing = this.#flags.entries().filter(([, boundaries]) => nextOf(boundaries, seconds) <= until)
    return Array.from(changing, ([key]) => key)
  }

  /** Whether a moment or the end of a ramp is after `seconds` and at or before `until`. Steps in a ramp do not count. */
  hasMomentBetween(seconds: number, until: number): boolean {
    return this.#flags
      .values()
      .some(
        ({ moments, ramps }) =>
          moments.some((moment) => nextMoment(moment, seconds) <= until) ||
          ramps.some(({ to }) => to > seconds && to <= until),
      )
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
  const cycle = Math.floor((seconds - at) / every)
  const [next = Number.POSITIVE_INFINITY] = [0, 1, 2]
    .map((more) => second(at + (cycle + more) * every))
    .filter((moment) => moment > seconds)
  return next
}

function nextStep({ from, to }: Ramp, seconds: number): number {
  if (seconds >= to) return Number.POSITIVE_INFINITY
  const length = Math.max(STEP_SECONDS_MIN, (to - from) / STEPS)
  const step = Math.max(1, Math.floor((seconds - from) / length) + 1)
  return Math.max(Math.floor(seconds) + 1, Math.min(Math.ceil(from + step * length), Math.ceil(to)))
}

const timelines = new WeakMap<FlagSet, Timeline>()

/** The timeline of a flag set, cached. Compiles no flags, and parses only those whose text may depend on the time. */
export function timelineOf(set: FlagSet): Timeline {
  const cached = timelines.get(set)
  if (cached) return cached
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

/** Cached for each flag. A flag that a change of the set keeps refers to none of the changed segments. */
const boundariesByFlag = new WeakMap<CompiledFlag, Boundaries>()

function boundariesIn(flag: CompiledFlag, { segments }: FlagSet, hasTimedSegments: boolean): Boundaries {
  const cached = boundariesByFlag.get(flag)
  if (cached) return cached
  const text = unparsedText(flag)
  const mayBeTimed = text === undefined || text.includes('$flagd') || (hasTimedSegments && text.includes('"$ref"'))
  const boundaries = mayBeTimed && isEnabled(flag) ? boundariesOf(flag.definition.targeting, segments) : NO_BOUNDARIES
  boundariesByFlag.set(flag, boundaries)
  return boundaries
}

const isEnabled = ({ definition }: CompiledFlag): boolean => isRecord(definition) && definition.state === 'ENABLED'
