import type { Runtime } from '../test/support/process.ts'
import type { Scale } from './http-scale.ts'
import { describeMachine } from './machine.ts'
import type { Latencies } from './paced.ts'

/** Answers per second of processor time; `ratio` to those of `of`. */
export type Row = {
  readonly runtime: Runtime
  readonly name: string
  readonly perSecond: number
  readonly spread: number
  readonly of?: string | undefined
  readonly ratio?: number
  readonly goal?: number | undefined
}
/** At 70 % of what a busy core served; `tail` is p99 in those of p50. */
export type Round = Latencies & { readonly perSecond: number; readonly tail: number }
/** Of several rounds the one with the median tail. */
export type Timing = Round & {
  readonly runtime: Runtime
  readonly name: string
  readonly isOurs: boolean
  readonly tails: readonly [least: number, most: number]
}
export type Figures = {
  readonly setting: { readonly rounds: number; readonly connections: number }
  /** Peers that this machine does not have. */
  readonly absent: readonly string[]
  readonly rows: readonly Row[]
  readonly timings: readonly Timing[]
  readonly scales: readonly Scale[]
}

/** Tail to middle at a fixed rate; milliseconds. */
const GOALS = { p99OfP50: 3, apply: 5, pause: 10 }

/** Prints the figures as the arguments of the process ask for them. With `--check` it fails for what falls short of `slack` of a goal. */
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
  const late = timings.filter(({ isOurs, tail }) => isOurs && !(tail <= GOALS.p99OfP50))
  const large = scales.flatMap((scale) => scale.large ?? [])
  const standing = large.filter(({ apply, pause }) => !(apply <= GOALS.apply && pause <= GOALS.pause))
  return [
    ...slow.map(
      ({ runtime, name, of, ratio, goal }) =>
        `${name} on ${runtime}: ${ratio?.toFixed(2)} of ${of}, goal ${(goal ?? 0) * slack}`,
    ),
    ...late.map(({ runtime, name, tail }) => `${name} on ${runtime}: p99 is ${tail.toFixed(1)} times p50`),
    ...standing.map(
      ({ runtime, apply, pause }) =>
        `a change on ${runtime}: ${apply.toFixed(1)} ms, a pause of ${pause.toFixed(1)} ms`,
    ),
  ]
}

function print({ setting, absent, rows, timings, scales }: Figures): void {
  console.log(
    `Answers per second of one core's work over HTTP/1.1, wrk with ${setting.connections} connections; median of ${setting.rounds} rounds\n`,
  )
  console.log('| runtime | what | per second | spread | ratio | of | goal |\n|---|---|---:|---:|---:|---|---:|')
  for (const { runtime, name, perSecond, spread, of, ratio, goal } of rows)
    console.log(
      `| ${runtime} | ${name} | ${Math.round(perSecond)} | ${Math.round(spread * 100)} % | ${ratio?.toFixed(2) ?? ''} | ${of ?? ''} | ${goal ?? ''} |`,
    )
  console.log(
    `\n| runtime | at 70 % of the maximum | per second | p50, ms | p99 | p99.9 | p99 / p50 | least, most | answered |\n|---|---|---:|---:|---:|---:|---:|---:|---:|`,
  )
  for (const { runtime, name, perSecond, p50, p99, p999, tail, tails, answered } of timings) {
    const figures = [p50.toFixed(2), p99.toFixed(2), p999.toFixed(2), tail.toFixed(1)]
    const spread = tails.map((each) => each.toFixed(1)).join(', ')
    console.log(
      `| ${runtime} | ${name} | ${perSecond} | ${figures.join(' | ')} | ${spread} | ${Math.round(answered * 100)} % |`,
    )
  }
  console.log('\n| runtime | memory with | MiB |\n|---|---|---:|')
  for (const { runtime, what, mib } of scales.flatMap(({ weights }) => weights))
    console.log(`| ${runtime} | ${what} | ${Math.round(mib)} |`)
  console.log('\n| runtime | 10,000 flags: load, ms | apply one change | longest pause |\n|---|---:|---:|---:|')
  for (const { runtime, load, apply, pause } of scales.flatMap(({ large }) => large ?? []))
    console.log(`| ${runtime} | ${load.toFixed(1)} | ${apply.toFixed(2)} | ${pause.toFixed(1)} |`)
  if (absent.length > 0) console.log(`\nNot measured, because not here: ${absent.join(', ')}`)
}
