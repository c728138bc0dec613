import { readdir, readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import manifest from '../../package.json' with { type: 'json' }
import type { Labels } from './metrics.ts'

export type Sample = { readonly labels: Labels; readonly value: number }
/** Adds a metric whose samples are read at each scrape. */
export type Add = (
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => Iterable<Sample> | Promise<Iterable<Sample>>,
) => void
export type Adding = { readonly gauge: Add; readonly counter: Add }

/** One sample without labels. */
export const one = (value: number): Sample[] => [{ labels: {}, value }]

/**
 * Metrics of the process, under the names that every Prometheus client gives them, and of the build. They are read at each scrape: the default
 * metrics of prom-client run a timer every 10 ms for one of them, 42 ms of processor time in 5 s, in a process that should sleep.
 */
export function addProcessMetrics({ gauge, counter }: Adding): void {
  counter('process_cpu_seconds_total', 'CPU time spent', [], () => {
    const { user, system } = process.cpuUsage()
    return one((user + system) / 1e6)
  })
  const memory = (name: string, help: string, key: keyof NodeJS.MemoryUsage) =>
    gauge(name, help, [], () => one(process.memoryUsage()[key]))
  memory('process_resident_memory_bytes', 'Resident memory', 'rss')
  memory('nodejs_heap_size_used_bytes', 'Heap in use', 'heapUsed')
  memory('nodejs_heap_size_total_bytes', 'Heap', 'heapTotal')
  memory('nodejs_external_memory_bytes', 'Memory outside of the heap that it refers to', 'external')
  gauge('process_start_time_seconds', 'Start of the process, since 1970', [], () => one(performance.timeOrigin / 1_000))
  gauge('process_open_fds', 'Open file descriptors', [], openDescriptors)
  gauge('process_max_fds', 'Largest number of open file descriptors', [], descriptorsMax)
  gauge('nodejs_eventloop_lag_seconds', 'Duration of one turn of the event loop at the scrape', [], async () =>
    one(await lagSeconds()),
  )
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
function loopTimes() {
  const { active, idle } = performance.eventLoopUtilization()
  if (active + idle === 0) return []
  return [
    { labels: { state: 'active' }, value: active / 1_000 },
    { labels: { state: 'idle' }, value: idle / 1_000 },
  ]
}

/** Only Linux has these files. */
const openDescriptors = async () =>
  readdir('/proc/self/fd').then(
    ({ length }) => one(length),
    () => [],
  )

async function descriptorsMax() {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const [, max] = /^Max open files +(\d+)/m.exec(limits) ?? []
  return max === undefined ? [] : one(Number(max))
}
