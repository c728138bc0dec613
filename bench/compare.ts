import { performance } from 'node:perf_hooks'
import { measure } from 'mitata'

/** Two alternating measurements. Times in nanoseconds per run; `ratio` is the reference's time divided by ours. */
export type Comparison = {
  readonly name: string
  readonly ours: number
  readonly reference: number
  readonly ratio: number
  /** The least ratio. */
  readonly goal: number
}

type Sides = {
  readonly name: string
  readonly goal: number
  readonly ours: () => unknown
  readonly reference: () => unknown
}

const ROUNDS = 7
const ROUND_NS = 60e6

/** Compares two functions of less than about 50 µs, by alternating rounds of many runs, so that noise affects both. */
export async function compareShort({ name, goal, ours, reference }: Sides): Promise<Comparison> {
  const rounds: { ours: number; reference: number }[] = []
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({
      ours: (await measure(ours, { min_cpu_time: ROUND_NS })).p50,
      reference: (await measure(reference, { min_cpu_time: ROUND_NS })).p50,
    })
  return summarize(name, goal, rounds)
}

type LongSides = Sides & { readonly rounds: number; readonly oursPerRound: number }

/** Compares two functions that take milliseconds to seconds: per round, ours several times and the reference once. */
export function compareLong({ name, goal, ours, reference, rounds, oursPerRound }: LongSides): Comparison {
  ours()
  const measured = Array.from({ length: rounds }, () => ({
    ours: median(Array.from({ length: oursPerRound }, () => timed(ours))),
    reference: timed(reference),
  }))
  return summarize(name, goal, measured)
}

/** The duration of one run, in nanoseconds. */
export function timed(run: () => unknown): number {
  const start = performance.now()
  run()
  return (performance.now() - start) * 1e6
}

/** The median. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((left, right) => left - right)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function summarize(name: string, goal: number, rounds: readonly { ours: number; reference: number }[]): Comparison {
  return {
    name,
    goal,
    ours: median(rounds.map((round) => round.ours)),
    reference: median(rounds.map((round) => round.reference)),
    ratio: median(rounds.map((round) => round.reference / round.ours)),
  }
}
