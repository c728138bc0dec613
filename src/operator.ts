import { readOperatorConfig } from './operator/config.ts'
import { Controller } from './operator/controller.ts'
import { KubernetesApi } from './operator/kubernetes/api.ts'
import { operatorProbes } from './operator/probes.ts'
import { shutDown } from './server/graceful-shutdown.ts'
import { listen } from './server/listen.ts'
import { stopped } from './server/signals.ts'
import { orExit } from './server/start.ts'
import { createLog, openOutput } from './telemetry/log.ts'

// The Kubernetes operator: FeatureFlag resources become flags of an environment. node src/operator.ts [--once] [--all-namespaces]

const FINISH_MS = 5_000

const write = openOutput()
const api = orExit(() => KubernetesApi.fromEnvironment())
const config = orExit(() => readOperatorConfig(process.argv.slice(2), process.env, api.namespace))
const log = createLog({ level: config.logLevel, write, now: () => new Date() })
const controller = new Controller({ api, ...config, log })

if (config.once) {
  const wrong = await orExit(() => controller.runOnce())
  if (wrong.length > 0) log.error('Some resources are not applied', { flagEnvironments: wrong.slice(0, 100) })
  process.exit(wrong.length > 0 ? 1 : 0)
}

const server = await orExit(async () =>
  listen({ fetch: operatorProbes(controller), host: config.host, port: config.port, bodyBytesMax: 1_024 }),
)
log.info('Listening', { host: config.host, port: server.port })
controller.start()
log.info('Stopping', { signal: await stopped })
const code = await shutDown(
  [
    { name: 'finish the reconciles', run: () => controller.stop(FINISH_MS) },
    { name: 'close the port', run: () => server.close(AbortSignal.abort()) },
  ],
  2 * FINISH_MS,
  log,
)
log.info('Stopped', { code })
process.exit(code)
