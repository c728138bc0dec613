import { readdir, readFile } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import manifest from '../../package.json' with { type: 'json' }
import type { Family } from '../telemetry/family.ts'
import { counter, gauge, one } from './families.ts'

/**
 * The figures of the process, under the names that every Prometheus client gives them, and of the build. Read when asked: the default
 * metrics of prom-client run a timer every 10 ms for the sake of one of them, in a process that should sleep.
 */
export async function processFamilies(): Promise<Family[]> {
  const lag = await lagSeconds()
  const cpu = process.cpuUsage()
  const memory = process.memoryUsage()
  const version = process.versions['bun'] ?? process.versions.node
  const labels = {
    version: manifest.version,
    runtime: process.versions['bun'] ? 'bun' : 'node',
    runtime_version: version,
  }
  return [
    counter('process_cpu_seconds_total', 'CPU time spent', one((cpu.user + cpu.system) / 1e6)),
    gauge('process_resident_memory_bytes', 'Resident memory', one(memory.rss)),
    gauge('process_start_time_seconds', 'Start of the process, since 1970', one(performance.timeOrigin / 1_000)),
    ...(await descriptorFamilies()),
    gauge('nodejs_heap_size_used_bytes', 'Heap in use', one(memory.heapUsed)),
    gauge('nodejs_heap_size_total_bytes', 'Heap', one(memory.heapTotal)),
    gauge('nodejs_external_memory_bytes', 'Memory outside of the heap that it refers to', one(memory.external)),
    gauge('nodejs_eventloop_lag_seconds', 'How long one turn of the event loop took just now', one(lag)),
    ...loopFamilies(),
    gauge('flagstaff_build_info', 'What runs here', [{ labels, value: 1 }]),
  ]
}

function lagSeconds(): Promise<number> {
  const start = performance.now()
  return new Promise((resolve) => setImmediate(() => resolve((performance.now() - start) / 1_000)))
}

/** Bun knows no utilization and says zero. */
function loopFamilies(): Family[] {
  const { active, idle } = performance.eventLoopUtilization()
  if (active + idle === 0) return []
  return [
    counter('nodejs_eventloop_seconds_total', 'Time that the event loop spent working and waiting', [
      { labels: { state: 'active' }, value: active / 1_000 },
      { labels: { state: 'idle' }, value: idle / 1_000 },
    ]),
  ]
}

/** Linux alone tells. */
async function descriptorFamilies(): Promise<Family[]> {
  try {
    const open = await readdir('/proc/self/fd')
    const [, max] = /^Max open files +(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8')) ?? []
    return [
      gauge('process_open_fds', 'Open file descriptors', one(open.length)),
      gauge('process_max_fds', 'Largest number of open file descriptors', max === undefined ? [] : one(Number(max))),
    ]
  } catch {
    return []
  }
}
