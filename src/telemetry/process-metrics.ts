import { readdir, readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import manifest from '../../package.json' with { type: 'json' }
import type { Labels } from './metrics.ts'

export type Sample = { readonly labels: Labels; readonly value: number }
/** What a scrape reads of a metric: its samples, or the value of one without labels; undefined: none. */
type Reading = number | undefined | Iterable<Sample>
/** Registers a metric that is read at each scrape. */
export type AddMetric = (
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => Reading | Promise<Reading>,
) => void
export type MetricAdders = { readonly gauge: AddMetric; readonly counter: AddMetric }

/** One sample for each value of one label. */
export const samplesBy = (label: string, values: Readonly<Record<string, number>>): Sample[] =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))

/**
 * Metrics of the process, under the names of all Prometheus clients, and of the build. They are read at each scrape: the default metrics of
 * prom-client run a timer every 10 ms for one of them, 42 ms of CPU time in 5 s, in a process that should sleep.
 */
export function addProcessMetrics({ gauge, counter }: MetricAdders): void {
  counter('process_cpu_seconds_total', 'CPU time spent', [], () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  const memory = (name: string, help: string, key: keyof NodeJS.MemoryUsage) =>
    gauge(name, help, [], () => process.memoryUsage()[key])
  memory('process_resident_memory_bytes', 'Resident memory', 'rss')
  memory('nodejs_heap_size_used_bytes', 'Heap in use', 'heapUsed')
  memory('nodejs_heap_size_total_bytes', 'Heap', 'heapTotal')
  memory('nodejs_external_memory_bytes', 'Memory outside of the heap that it refers to', 'external')
  gauge('process_start_time_seconds', 'Start of the process, since 1970', [], () => performance.timeOrigin / 1_000)
  gauge('process_open_fds', 'Open file descriptors', [], openDescriptors)
  gauge('process_max_fds', 'Largest number of open file descriptors', [], descriptorsMax)
  gauge('nodejs_eventloop_lag_seconds', 'Duration of one turn of the event loop at the scrape', [], lagSeconds)
  counter('nodejs_eventloop_seconds_total', 'Time that the event loop spent working and waiting', ['state'], loopTimes)
  gauge('flagstaff_build_info', 'Version and runtime', Object.keys(BUILD), () => [{ labels: BUILD, value: 1 }])
}

const { bun, node } = process.versions
const BUILD = { version: manifest.version, runtime: bun ? 'bun' : 'node', runtime_version: bun ?? node }

function lagSeconds(): Promise<number> {
  const start = performance.now()
  return new Promise((resolve) => setImmediate(() => resolve((performance.now() - start) / 1_000)))
}

/** Bun does not measure it and reports zero. */
function loopTimes(): Sample[] {
  const { active, idle } = performance.eventLoopUtilization()
  if (active + idle === 0) return []
  return samplesBy('state', { active: active / 1_000, idle: idle / 1_000 })
}

/** Only Linux has these files. */
const openDescriptors = async () => (await readdir('/proc/self/fd').catch(() => undefined))?.length

async function descriptorsMax(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, max] = /^Max open files +(\d+)/m.exec(limits) ?? []
  return max === undefined ? undefined : Number(max)
}
