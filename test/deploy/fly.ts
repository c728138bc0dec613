import * as v from 'valibot'
import { Port } from './pod.ts'

const Duration = v.pipe(v.string(), v.regex(/^\d+s$/), v.transform(Number.parseInt))

/** The part of https://fly.io/docs/reference/configuration/ that we use. Fly itself ignores unknown names. */
export const FlyConfig = v.strictObject({
  app: v.string(),
  primary_region: v.pipe(v.string(), v.regex(/^[a-z]{3}$/)),
  kill_signal: v.literal('SIGTERM'),
  kill_timeout: v.pipe(Duration, v.maxValue(300)),
  build: v.strictObject({ dockerfile: v.string(), 'build-target': v.string() }),
  deploy: v.strictObject({ release_command: v.string() }),
  env: v.record(v.string(), v.string()),
  http_service: v.strictObject({
    internal_port: Port,
    force_https: v.literal(true),
    auto_stop_machines: v.picklist(['off', 'stop', 'suspend']),
    auto_start_machines: v.boolean(),
    min_machines_running: v.number(),
    concurrency: v.pipe(
      v.strictObject({
        type: v.picklist(['requests', 'connections']),
        soft_limit: v.number(),
        hard_limit: v.number(),
      }),
      v.check(({ soft_limit, hard_limit }) => soft_limit < hard_limit, 'soft_limit comes before hard_limit'),
    ),
    checks: v.array(
      v.strictObject({
        method: v.literal('GET'),
        path: v.pipe(v.string(), v.startsWith('/')),
        interval: Duration,
        timeout: Duration,
        grace_period: Duration,
      }),
    ),
  }),
  metrics: v.array(v.strictObject({ port: Port, path: v.pipe(v.string(), v.startsWith('/')) })),
  vm: v.array(v.strictObject({ size: v.string(), memory: v.pipe(v.string(), v.regex(/^\d+mb$/)) })),
})
