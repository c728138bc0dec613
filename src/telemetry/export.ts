import type { EvaluationEvents } from './evaluation-events.ts'
import type { ExportQueue } from './export-queue.ts'
import type { Log } from './log.ts'
import type { BatchConfig, OnLost, OpenTelemetry, TelemetryConfig } from './open-telemetry.ts'
import type { MetricSources } from './prometheus.ts'
import type { Tracer } from './tracer.ts'

export type ExportOptions = {
  readonly config: TelemetryConfig
  readonly tracer: Tracer
  readonly events: EvaluationEvents | undefined
  /** The metrics to send, if `config.metrics` is set. */
  readonly sources: MetricSources
  readonly log: Log
}
/** `drain()` sends all waiting items. It stops when `signal` aborts, and logs the number of lost items. */
type TelemetryExport = { drain(signal: AbortSignal): Promise<void> }

/** Interval of the log lines about a failing collector. */
const LOG_MS = 60_000

/**
 * Sends spans, evaluation events and metrics to a collector. The OpenTelemetry SDK is loaded when the first batch is due: loading it takes
 * longer than starting the service, and a replica that records nothing never needs it.
 */
export function exportTelemetry({ config, tracer, events, sources, log }: ExportOptions): TelemetryExport {
  const onLost = logLost(log.warn)
  const spans = tracer.ended
  const waiting = () => spans.size + (events?.queue.size ?? 0)
  let started: Promise<OpenTelemetry> | undefined
  const load = async (): Promise<OpenTelemetry> => {
    const registry = config.metrics && (await import('./prometheus.ts')).openRegistry(sources)
    const { startOpenTelemetry } = await import('./open-telemetry.ts')
    return startOpenTelemetry({ config, spans, events: events?.queue, registry, onLost, log })
  }
  const start = (): Promise<OpenTelemetry> => {
    started ??= load()
    return started
  }
  let flushed: Promise<void> | undefined
  const flush = () => {
    flushed ??= start().then((sdk) => sdk.flush())
    flushed.catch((cause) => onLost(cause, 0))
  }
  if (config.traces) onFirstBatch(spans, config.traces, flush)
  if (config.evaluationEvents && events) onFirstBatch(events.queue, config.evaluationEvents, flush)
  if (config.metrics) setTimeout(flush, config.metrics.intervalMs).unref()

  const sendAll = async (): Promise<void> => {
    await flushed?.catch(() => undefined) // a batch processor that is shut down during a flush loses the remaining items
    if (started || config.metrics || waiting() > 0) await (await start()).shutdown()
  }
  return {
    drain: async (signal) => {
      const late = Promise.withResolvers<'late'>()
      signal.addEventListener('abort', () => late.resolve('late'), { once: true })
      const end = await Promise.race([sendAll().catch((cause) => onLost(cause, 0)), late.promise])
      if (end === 'late') log.warn('Cannot send the last telemetry in time', { waiting: waiting() })
    },
  }
}

/** Calls `start` when a whole batch waits, or `delayMs` after the first item. */
function onFirstBatch<T>(queue: ExportQueue<T>, { batchMax, delayMs }: BatchConfig, start: () => void): void {
  let hasTimer = false
  queue.listen((size) => {
    if (!hasTimer) setTimeout(start, delayMs).unref()
    hasTimer = true
    if (size === batchMax) start()
  })
}

/** Logs the first failure at once and then one per minute, with the number of lost items since. */
function logLost(warn: Log['warn']): OnLost {
  let lost = 0
  let loggedAt = Number.NEGATIVE_INFINITY
  return (cause, count) => {
    lost += count
    if (performance.now() - loggedAt < LOG_MS) return
    warn('Cannot send telemetry to the collector', { lost, cause })
    lost = 0
    loggedAt = performance.now()
  }
}
