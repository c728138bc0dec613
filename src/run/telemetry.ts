import type { Queue, TelemetryConfig } from '../config/telemetry.ts'
import type { Exposures } from '../snapshot/exposures.ts'
import type { Family } from '../telemetry/family.ts'
import type { Waiting } from '../telemetry/spool.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import type { Exporter } from './exporter.ts'
import type { Log } from './log.ts'
import { Outbox } from './outbox.ts'

export type TelemetryOptions = {
  readonly config: TelemetryConfig
  readonly tracer: Tracer
  readonly exposures: Exposures | undefined
  readonly families: () => Promise<readonly Family[]>
  readonly log: Log
}
export type Telemetry = {
  /** Sends all that waits; gives up when `signal` aborts, and says what is lost. */
  drain(signal: AbortSignal): Promise<void>
}

/** Failures in a row are one event for whoever reads the log. */
const COMPLAINT_MS = 60_000

/**
 * Takes to the collector what was noted. OpenTelemetry's SDK is loaded with the first batch, seconds after the start: it takes three
 * times as long to load as the service to answer.
 */
export function sendTelemetry({ config, tracer, exposures, families, log }: TelemetryOptions): Telemetry {
  let started: Promise<Exporter> | undefined
  const exporter = () => {
    started ??= import('./exporter.ts').then(({ startExporter }) => startExporter(config, families))
    return started
  }
  const complain = complaints(log)
  const spools: { readonly size: number }[] = []
  const outbox = <Batch extends { readonly length: number }>(
    spool: Waiting<Batch>,
    queue: Queue,
    send: (to: Exporter, batch: Batch) => Promise<void>,
  ): Outbox<Batch> => {
    spools.push(spool)
    return new Outbox(spool, { ...queue, send: async (batch) => send(await exporter(), batch), onFailure: complain })
  }
  const outboxes = [
    ...(config.traces ? [outbox(tracer.ended, config.traces, (to, spans) => to.sendSpans(spans))] : []),
    ...(config.exposures && exposures
      ? [outbox(exposures.waiting, config.exposures, (to, batch) => to.sendExposures(batch))]
      : []),
  ]
  if (config.metrics) setTimeout(() => void exporter().catch(complain), config.metrics.intervalMs).unref()

  const sendAll = async () => {
    await Promise.all(outboxes.map((each) => each.drain()))
    if (started || config.metrics) await (await exporter()).close()
  }
  return {
    drain: async (signal) => {
      const late = Promise.withResolvers<'late'>()
      signal.addEventListener('abort', () => late.resolve('late'), { once: true })
      const end = await Promise.race([sendAll().catch(complain), late.promise])
      const waiting = spools.reduce((sum, { size }) => sum + size, 0)
      if (end === 'late') log.warn('The collector did not take the last telemetry in time', { waiting })
    },
  }
}

/** Logs the first failure, and then one a minute with what was lost meanwhile. */
function complaints(log: Log): (cause: unknown, count?: number) => void {
  let lost = 0
  let saidAt = Number.NEGATIVE_INFINITY
  return (cause, count = 0) => {
    lost += count
    if (performance.now() - saidAt < COMPLAINT_MS) return
    log.warn('Cannot send telemetry: the collector does not take it', { lost, cause })
    lost = 0
    saidAt = performance.now()
  }
}
