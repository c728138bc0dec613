import type { EvaluationEvents } from './evaluation-events.ts'
import type { Pending } from './export-queue.ts'
import type { Log } from './log.ts'
import type { OnLost, OpenTelemetry, Queue, TelemetryConfig } from './open-telemetry.ts'
import type { MetricSources } from './prometheus.ts'
import type { Tracer } from './tracer.ts'

export type ExportOptions = {
  readonly config: TelemetryConfig
  readonly tracer: Tracer
  readonly events: EvaluationEvents | undefined
  /** The metrics that are sent where `config.metrics` says so. */
  readonly sources: MetricSources
  readonly log: Log
}
export type Export = {
  /** Sends all that waits; gives up when `signal` aborts, and logs how much is lost. */
  drain(signal: AbortSignal): Promise<void>
}

/** Failures of a collector are logged once in this time, with the number of lost items. */
const LOG_MS = 60_000

/**
 * Sends spans, evaluation events and metrics to a collector. The OpenTelemetry SDK is loaded when the first batch is due, not at start: loading
 * it takes longer than starting the service, and a replica that records nothing never needs it.
 */
export function exportTelemetry({ config, tracer, events, sources, log }: ExportOptions): Export {
  const onLost = sparingly(log.warn)
  const spans = tracer.ended
  const waiting = () => spans.size + (events?.pending.size ?? 0)
  let started: Promise<OpenTelemetry> | undefined
  const load = async (): Promise<OpenTelemetry> => {
    const registry = config.metrics && (await import('./prometheus.ts')).openRegistry(sources)
    const { startOpenTelemetry } = await import('./open-telemetry.ts')
    return startOpenTelemetry({ config, spans, events: events?.pending, registry, onLost, log })
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
  if (config.traces) whenDue(spans, config.traces, flush)
  if (config.exposures && events) whenDue(events.pending, config.exposures, flush)
  if (config.metrics) setTimeout(flush, config.metrics.intervalMs).unref()

  const sendAll = async (): Promise<void> => {
    await flushed?.catch(() => undefined) // a batch processor that is shut down while it flushes loses what is left
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

/** Calls `start` once: when a whole batch waits, or when the first item has waited as long as a batch may. */
function whenDue<T>(pending: Pending<T>, { batchMax, delayMs }: Queue, start: () => void): void {
  let isTimed = false
  pending.listen((size) => {
    if (!isTimed) setTimeout(start, delayMs).unref()
    isTimed = true
    if (size === batchMax) start()
  })
}

/** Logs the first failure at once, and then one per minute. */
function sparingly(warn: Log['warn']): OnLost {
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
