import { execFile } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pinned } from './processor.ts'
import type { Shot } from './wrk.ts'

export type Pace = { readonly port: number; readonly perSecond: number; readonly folder: string }
/** Milliseconds; `answered` is the share of the scheduled requests that was answered. */
export type Latencies = { readonly p50: number; readonly p99: number; readonly p999: number; readonly answered: number }

const SECONDS = 4
const WARM_UP_SECONDS = 1
const CONNECTIONS = 64

/**
 * Sends requests at a fixed rate by h2load from its own core. Its connections send at the same moments, so half of the responses wait for
 * others. A connection sends its next request when it is due and the previous one is answered. Requests that a slow response delayed are
 * counted with their delay ("coordinated omission", corrected like HdrHistogram does).
 */
export async function paced(shot: Shot, { port, perSecond, folder }: Pace): Promise<Latencies> {
  const each = Math.max(1, Math.round(perSecond / CONNECTIONS))
  const [log, body] = [join(folder, 'paced.log'), join(folder, 'paced.body')]
  await rm(log, { force: true })
  await writeFile(body, shot.body ?? '')
  const headers = Object.entries(shot.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const pace = ['--h1', '-t1', '-c', CONNECTIONS, '--rps', each, '-D', SECONDS, '--warm-up-time', WARM_UP_SECONDS]
  const load = [
    ...pace.map(String),
    '-d',
    body,
    ...headers,
    `--log-file=${log}`,
    `http://127.0.0.1:${port}${shot.path}`,
  ]
  const [command = '', ...args] = [...pinned(0), 'h2load', ...load]
  await promisify(execFile)(command, args)
  const taken = (await readFile(log, 'utf8')).trim().split('\n').map(msOf)
  const answered = taken.length / (each * CONNECTIONS * SECONDS)
  const sorted = Float64Array.from(taken.flatMap((ms) => withOmitted(ms, 1_000 / each))).sort()
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), answered }
}

/** A line of h2load's log: microseconds since 1970, status, microseconds until the end of the response. */
function msOf(line: string): number {
  const [, status, microseconds] = line.split('\t')
  if (status !== '200') throw new Error(`Cannot measure: a response has the status ${status}`)
  return Number(microseconds) / 1_000
}

function withOmitted(ms: number, intervalMs: number): number[] {
  const all = [ms]
  for (let late = ms - intervalMs; late >= intervalMs; late -= intervalMs) all.push(late)
  return all
}
