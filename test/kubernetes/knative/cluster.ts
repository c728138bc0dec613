// Knative Serving's own controller, autoscaler, activator and queue-proxy on a real API server, and stand-ins for the parts of Kubernetes
// around them: kubelet, controllers, network and ingress. A separate process on Node whatever the service's runtime; world.ts starts it and
// reads its events as lines of JSON.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startApiServer } from '../../support/kubernetes.ts'
import type { Runtime } from '../../support/process.ts'
import { servingOf } from '../build.ts'
import { openClient } from './client.ts'
import { syncDeployments, syncEndpoints, watchAll, writeHosts } from './controllers.ts'
import { openIngress, syncIngresses } from './ingress.ts'
import { installKnative, installServices } from './install.ts'
import { type Command, openKubelet, type PodEvent } from './kubelet.ts'
import { Loop } from './loop.ts'
import { openSubnet } from './network.ts'

const ROOT = join(import.meta.dirname, '../../..')
const INGRESSES = '/apis/networking.internal.knative.dev/v1alpha1/ingresses'

export type ClusterOptions = {
  /** Names of the services, each of them knative/base. */
  readonly services: readonly string[]
  readonly runtime: Runtime
  /** The program of the service. */
  readonly file: string
  /** Keys of the secret of the service; servers of 127.0.0.1 in them are made reachable. */
  readonly secret: Readonly<Record<string, string>>
  /** Members of config-autoscaler. */
  readonly autoscaler: Readonly<Record<string, string>>
  /** Annotations of the revision, in addition to those of knative/base. */
  readonly annotations: Readonly<Record<string, string>>
}
export type ClusterEvent =
  | PodEvent
  | {
      readonly what: 'listening'
      readonly addresses: Readonly<Record<string, string>>
      readonly kubeconfig: string
    }
  | { readonly what: 'broken'; readonly message: string }

const options: ClusterOptions = JSON.parse(process.argv[2] ?? '')
const tell = (event: ClusterEvent) => process.stdout.write(`${JSON.stringify(event)}\n`)
const fail = (error: unknown) =>
  tell({ what: 'broken', message: error instanceof Error ? `${error.stack}` : String(error) })
const closers: (() => unknown)[] = []
/** Registers what ends the thing that was just opened. */
function opened<T>(thing: T, end: (thing: T) => unknown): T {
  closers.push(() => end(thing))
  return thing
}
async function close(code: number): Promise<void> {
  for (const end of closers.splice(0).reverse()) await end()
  process.exit(code)
}
process.once('SIGTERM', () => void close(0))
await start().catch(async (error) => {
  fail(error)
  await close(1)
})

async function start(): Promise<void> {
  const folder = opened(await mkdtemp(join(tmpdir(), 'flagstaff-knative-')), (path) => rm(path, { recursive: true }))
  const subnet = opened(await openSubnet(), (one) => one.close())
  const api = opened(await startApiServer({ host: subnet.hostAddress }), (one) => one.close())
  const server = { server: api.url, ca: readFileSync(api.caFile), token: api.tokens['admin'] ?? '' }
  const client = opened(openClient(server), (one) => one.close())
  const hosts = join(folder, 'hosts')
  await writeFile(hosts, '')
  await installKnative(api, options.autoscaler)
  const programOf = (image: string) => commandOf(image, api.kubeconfig)
  const kubelet = opened(openKubelet({ client, subnet, hosts, programOf, onEvent }), (one) => one.close())
  const loop = new Loop(fail)
  const watched = await watchAll(client, () => loop.turn())
  const ingresses = await client.inform(INGRESSES, () => loop.turn())
  loop.start(async () => {
    writeHosts(hosts, watched, subnet.hostAddress)
    kubelet.sync(watched.pods)
    await syncDeployments(client, watched)
    await syncEndpoints(client, watched)
    await syncIngresses(client, ingresses)
  })
  const all = { watched, ingresses }
  opened(await openIngress({ ...all, address: subnet.hostAddress, port: 80 }), (one) => one.close())
  const addresses: Record<string, string> = {}
  for (const [service, host] of Object.entries(await installServices(api, subnet, options))) {
    const ingress = await openIngress({ ...all, address: '127.0.0.1', port: 0, hostName: () => host })
    opened(ingress, (one) => one.close())
    addresses[service] = `http://127.0.0.1:${ingress.port}`
  }
  tell({ what: 'listening', addresses, kubeconfig: api.kubeconfig })
}

/** Only the pods of the services are worth an event; a failure of any is the test's. */
function onEvent(event: PodEvent): void {
  if (event.what === 'failed') tell({ what: 'broken', message: `${event.pod}: ${event.message}` })
  else if (options.services.some((name) => event.deployment.startsWith(`${name}-`))) tell(event)
}

/** The program of an image: those of Knative are named by their packages in Go. */
function commandOf(image: string, kubeconfig: string): Command {
  const [, knative] = /^ko:\/\/knative\.dev\/serving\/cmd\/(\w+)$/.exec(image) ?? []
  if (knative) return { command: [join(servingOf('bin'), knative)], env: { KUBECONFIG: kubeconfig } }
  const runtime = join(ROOT, 'node_modules/.bin', options.runtime)
  return { command: [runtime, resolve(ROOT, options.file)], env: { PATH: process.env['PATH'] ?? '' } }
}
