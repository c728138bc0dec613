import type { Runtime } from '../test/support/process.ts'
import type { Scale } from './http-scale.ts'
import { describeMachine } from './machine.ts'
import type { Latencies } from './paced.ts'

/** Responses per second of processor time; `ratio` to those of `of`. */
export type Row = {
  readonly runtime: Runtime
  readonly name: string
  readonly perSecond: number
  readonly spread: number
  readonly of?: string | undefined
  readonly ratio?: number
  readonly goal?: number | undefined
}
/** Latencies at 70 % of the rate at full load. */
export type Round = Latencies & { readonly perSecond: number }
/** The round with the median p99. */
export type Timing = Round & {
  readonly runtime: Runtime
  readonly name: string
  /** p99 as a multiple of the bare server's in the same round, the median of all rounds. */
  readonly ofBare: number
  /** The largest allowed multiple. */
  readonly goal?: number | undefined
}
export type Figures = {
  readonly setting: { readonly rounds: number; readonly connections: number }
  /** Peers that are not installed on this machine. */
  readonly absent: readonly string[]
  readonly rows: readonly Row[]
  readonly timings: readonly Timing[]
  readonly scales: readonly Scale[]
}

/** In milliseconds. */
const GOALS = { apply: 5, pause: 10 }

/** Prints the figures in the format that the command line selects. With `--check` it fails if a figure is below `slack` times its goal. */
export function report(figures: Figures, slack: number): void {
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ machine: describeMachine(), goals: GOALS, ...figures }, null, 2))
  else print(figures)
  if (!process.argv.includes('--check')) return
  const missed = missedGoals(figures, slack)
  for (const line of missed) console.error(`Falls short: ${line}`)
  if (missed.length > 0) process.exitCode = 1
}

function missedGoals({ rows, timings, scales }: Figures, slack: number): string[] {
  const slow = rows.filter(({ ratio, goal }) => goal !== undefined && !((ratio ?? 0) >= goal * slack))
  const late = timings.filter(({ ofBare, goal }) => goal !== undefined && !(ofBare * slack <= goal))
  const large = scales.flatMap((scale) => scale.large ?? [])
  const standing = large.filter(({ apply, pause }) => !(apply <= GOALS.apply && pause <= GOALS.pause))
  return [
    ...slow.map(
      ({ runtime, name, of, ratio, goal }) =>
        `${name} on ${runtime}: ${ratio?.toFixed(2)} of ${of}, goal ${(goal ?? 0) * slack}`,
    ),
    ...late.map(
      ({ runtime, name, ofBare, goal }) =>
        `${name} on ${runtime}: p99 is ${ofBare.toFixed(1)} times the bare server's, goal ${goal}`,
    ),
    ...standing.map(
      ({ runtime, apply, pause }) =>
        `a change on ${runtime}: ${apply.toFixed(1)} ms, a pause of ${pause.toFixed(1)} ms`,
    ),
  ]
}

function print({ setting, absent, rows, timings, scales }: Figures): void {
  console.log(
    `Responses per second of processor time over HTTP/1.1, wrk with ${setting.connections} connections; median of ${setting.rounds} rounds\n`,
  )
  console.log('| runtime | what | per second | spread | ratio | of | goal |\n|---|---|---:|---:|---:|---|---:|')
  for (const { runtime, name, perSecond, spread, of, ratio, goal } of rows)
    console.log(
      `| ${runtime} | ${name} | ${Math.round(perSecond)} | ${Math.round(spread * 100)} % | ${ratio?.toFixed(2) ?? ''} | ${of ?? ''} | ${goal ?? ''} |`,
    )
  console.log(
    `\n| runtime | at 70 % of the maximum | per second | p50, ms | p99 | p99.9 | p99 of bare | goal | answered |\n|---|---|---:|---:|---:|---:|---:|---:|---:|`,
  )
  for (const { runtime, name, perSecond, p50, p99, p999, ofBare, goal, answered } of timings) {
    const figures = [p50.toFixed(2), p99.toFixed(2), p999.toFixed(2), ofBare.toFixed(1), goal ?? '']
    console.log(`| ${runtime} | ${name} | ${perSecond} | ${figures.join(' | ')} | ${Math.round(answered * 100)} % |`)
  }
  console.log('\n| runtime | memory with | MiB |\n|---|---|---:|')
  for (const { runtime, what, mib } of scales.flatMap(({ memory }) => memory))
    console.log(`| ${runtime} | ${what} | ${Math.round(mib)} |`)
  console.log('\n| runtime | 10,000 flags: load, ms | apply one change | longest pause |\n|---|---:|---:|---:|')
  for (const { runtime, load, apply, pause } of scales.flatMap(({ large }) => large ?? []))
    console.log(`| ${runtime} | ${load.toFixed(1)} | ${apply.toFixed(2)} | ${pause.toFixed(1)} |`)
  if (absent.length > 0) console.log(`\nNot measured, because not here: ${absent.join(', ')}`)
}
