import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Outcome } from './reconcile.ts'

/** The operator's metrics. No label names a flag or a resource. */
export function openOperatorMetrics(state: { readonly queued: () => number; readonly managed: () => number }) {
  const registry = new Registry()
  const registers = [registry]
  const reconciles = new Counter({
    name: 'flagstaff_operator_reconcile_total',
    help: 'Reconciled FlagEnvironments, by result',
    labelNames: ['result'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'flagstaff_operator_reconcile_seconds',
    help: 'Duration of a reconcile',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  })
  const restarts = new Counter({
    name: 'flagstaff_operator_watch_restarts_total',
    help: 'Watches that started again, by the reason: ended by the server, expired version, failure',
    labelNames: ['reason'] as const,
    registers,
  })
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('flagstaff_operator_managed_flags', 'Flags that the service has of the FlagEnvironments', state.managed)
  gauge('flagstaff_operator_queue_length', 'FlagEnvironments that wait, or are reconciled now', state.queued)
  return {
    registry,
    noteReconcile: (result: Outcome['result'], duration: number) => {
      reconciles.inc({ result })
      seconds.observe(duration)
    },
    noteRestart: (reason: 'ended' | 'expired' | 'failed') => restarts.inc({ reason }),
  }
}
export type OperatorMetrics = ReturnType<typeof openOperatorMetrics>
