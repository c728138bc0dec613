import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Resource } from './client.ts'
import type { PodNetwork, PodSubnet } from './network.ts'

// What the kubelet does with a pod: its containers are processes in the pod's network, with the variables, probes, hooks and times that
// the pod names. It pulls no image and sets no limit of processor and memory; a container that ends by itself is an error, not restarted.

export type Command = {
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string>>
}
export type ContainerEnd = { readonly code: number | null; readonly signal: string | null; readonly output: string }
/** A pod that was started, is ready, is deleted, of which a container was sent SIGTERM, that has ended, or that failed. */
export type PodEvent = {
  readonly pod: string
  readonly deployment: string
  readonly address: string
  /** In milliseconds since 1970. */
  readonly at: number
} & (
  | { readonly what: 'started' | 'ready' | 'deleted' }
  | { readonly what: 'signalled'; readonly container: string }
  | { readonly what: 'ended'; readonly ends: Readonly<Record<string, ContainerEnd>> }
  | { readonly what: 'failed'; readonly message: string }
)
export type Kubelet = {
  /** Starts and ends pods as the resources say. */
  sync(pods: Iterable<Resource>): void
  /** Kills everything. */
  close(): Promise<void>
}
export type KubeletOptions = {
  readonly client: Client
  readonly subnet: PodSubnet
  /** What a pod sees as /etc/hosts. */
  readonly hosts: string
  /** The program of an image. */
  readonly programOf: (image: string) => Command
  readonly onEvent: (event: PodEvent) => void
}

type Container = { readonly name: string; readonly image: string; readonly [member: string]: any }
type Running = {
  readonly spec: Container
  readonly child: ChildProcess
  readonly output: () => string
  readonly ended: Promise<ContainerEnd>
}

export function openKubelet(options: KubeletOptions): Kubelet {
  const pods = new Map<string, Pod>()
  return {
    sync(resources) {
      for (const resource of resources) {
        const { uid = '', deletionTimestamp } = resource.metadata
        const known = pods.get(uid)
        if (!known && !deletionTimestamp) pods.set(uid, new Pod(resource, options))
        if (known && deletionTimestamp) known.end()
      }
    },
    async close() {
      await Promise.all([...pods.values()].map((pod) => pod.kill()))
    },
  }
}

class Pod {
  readonly #resource: Resource
  readonly #options: KubeletOptions
  readonly #path: string
  readonly #ending = new AbortController()
  readonly #started: Promise<void>
  #network: PodNetwork | undefined
  #containers: Running[] = []
  readonly #ready = new Set<string>()

  constructor(resource: Resource, options: KubeletOptions) {
    this.#resource = resource
    this.#options = options
    const { namespace, name } = resource.metadata
    this.#path = `/api/v1/namespaces/${namespace}/pods/${name}`
    this.#started = this.#start().catch((error) => this.#fail(error instanceof Error ? (error.stack ?? '') : ''))
  }

  async #start(): Promise<void> {
    this.#network = await this.#options.subnet.pod(this.#options.hosts)
    const specs: Container[] = this.#resource.spec.containers
    const environments = await Promise.all(specs.map((spec) => this.#environmentOf(spec)))
    this.#tell({ what: 'started' })
    this.#containers = specs.map((spec, index) => this.#run(spec, environments[index] ?? {}))
    await this.#post()
    for (const container of this.#containers) void this.#probe(container)
  }

  #run(spec: Container, env: Record<string, string>): Running {
    const program = this.#options.programOf(spec.image)
    const [first, ...rest] = program.command
    if (!this.#network) throw new Error('The pod has no network')
    const child = this.#network.run([first, ...rest, ...(spec['args'] ?? [])], { ...program.env, ...env })
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        text += chunk
      })
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output: text }))
    void ended.then(({ code }) => {
      if (!this.#ending.signal.aborted) this.#fail(`${spec.name} ended with ${code}: ${text.slice(-2_000)}`)
    })
    return { spec, child, output: () => text, ended }
  }

  /** The variables of a container: values, keys of Secrets, and fields of the pod. */
  async #environmentOf({ env = [] }: Container): Promise<Record<string, string>> {
    const { metadata, spec } = this.#resource
    const { client, subnet } = this.#options
    const address = this.#network?.address ?? ''
    const fields: Record<string, string | undefined> = {
      'metadata.name': metadata.name,
      'metadata.namespace': metadata.namespace,
      'status.podIP': address,
      'status.hostIP': subnet.hostAddress,
      'spec.nodeName': spec.nodeName,
    }
    const resolved: Record<string, string> = {}
    for (const { name, value, valueFrom } of env) {
      if (valueFrom?.secretKeyRef) {
        const { name: secret, key } = valueFrom.secretKeyRef
        const { body } = await client.call('GET', `/api/v1/namespaces/${metadata.namespace}/secrets/${secret}`)
        const text = body.data?.[key]
        if (text === undefined && !valueFrom.secretKeyRef.optional) throw new Error(`No key ${key} in secret ${secret}`)
        if (text !== undefined) resolved[name] = Buffer.from(text, 'base64').toString()
      } else if (valueFrom?.fieldRef) {
        const field = fields[valueFrom.fieldRef.fieldPath]
        if (field === undefined) throw new Error(`Unknown field ${valueFrom.fieldRef.fieldPath}`)
        resolved[name] = field
      } else if (valueFrom) throw new Error(`Unknown source of ${name}: ${JSON.stringify(valueFrom)}`)
      else resolved[name] = value ?? ''
    }
    return resolved
  }

  /** Runs both probes of a container until the pod ends. */
  async #probe({ spec }: Running): Promise<void> {
    const { readinessProbe, livenessProbe } = spec
    if (readinessProbe) void this.#repeat(spec, readinessProbe, (passes) => this.#setReady(spec.name, passes))
    else await this.#setReady(spec.name, true)
    let failures = 0
    if (livenessProbe)
      void this.#repeat(spec, livenessProbe, async (passes) => {
        failures = passes ? 0 : failures + 1
        if (failures === (livenessProbe.failureThreshold ?? 3)) this.#fail(`${spec.name} is not live`)
      })
  }

  async #repeat(spec: Container, probe: any, take: (passes: boolean) => Promise<void>): Promise<void> {
    const { signal } = this.#ending
    try {
      await sleep((probe.initialDelaySeconds ?? 0) * 1_000, undefined, { signal })
      for (;;) {
        const passes = await passesProbe(this.#network?.address ?? '', probe, spec)
        if (signal.aborted) return
        await take(passes)
        await sleep((probe.periodSeconds || 10) * 1_000, undefined, { signal })
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(String(error)) // otherwise the pod ends
    }
  }

  async #setReady(container: string, isReady: boolean): Promise<void> {
    if (this.#ready.has(container) === isReady) return
    if (isReady) this.#ready.add(container)
    else this.#ready.delete(container)
    await this.#post()
    if (this.#isReady()) this.#tell({ what: 'ready' })
  }

  #isReady(): boolean {
    return this.#containers.length > 0 && this.#containers.every(({ spec }) => this.#ready.has(spec.name))
  }

  async #post(): Promise<void> {
    const now = new Date().toISOString().replace(/\.\d+Z/, 'Z')
    const ready = this.#isReady() && !this.#ending.signal.aborted ? 'True' : 'False'
    const conditionOf = (type: string, status: string) => ({ type, status, lastTransitionTime: now })
    const status = {
      phase: 'Running',
      podIP: this.#network?.address,
      podIPs: [{ ip: this.#network?.address }],
      hostIP: this.#options.subnet.hostAddress,
      startTime: now,
      conditions: [
        conditionOf('PodScheduled', 'True'),
        conditionOf('Initialized', 'True'),
        conditionOf('ContainersReady', ready),
        conditionOf('Ready', ready),
      ],
      containerStatuses: this.#containers.map(({ spec: { name, image } }) => ({
        ...{ name, image, imageID: image, restartCount: 0, started: true },
        ready: this.#ready.has(name),
        state: { running: { startedAt: now } },
      })),
    }
    await this.#options.client.patch(`${this.#path}/status`, { status })
  }

  /** Runs the hooks of all containers, then SIGTERM, then, at the end of the grace period, SIGKILL. */
  end(): void {
    if (this.#ending.signal.aborted) return
    this.#ending.abort()
    this.#tell({ what: 'deleted' })
    void this.#end()
  }

  async #end(): Promise<void> {
    await this.#started
    await this.#post()
    const graceMs = (this.#resource.spec.terminationGracePeriodSeconds ?? 30) * 1_000
    const late = setTimeout(() => this.#containers.forEach(({ child }) => void child.kill('SIGKILL')), graceMs)
    const ends = await Promise.all(this.#containers.map((container) => this.#stop(container)))
    clearTimeout(late)
    this.#network?.close()
    await this.#options.client.call('DELETE', this.#path, { gracePeriodSeconds: 0 })
    this.#tell({ what: 'ended', ends: Object.fromEntries(ends) })
  }

  async #stop({ spec, child, ended }: Running): Promise<[string, ContainerEnd]> {
    const hook = spec['lifecycle']?.preStop?.httpGet
    const { terminationGracePeriodSeconds = 30 } = this.#resource.spec
    if (hook) await get(this.#network?.address ?? '', hook, terminationGracePeriodSeconds * 1_000)
    this.#tell({ what: 'signalled', container: spec.name })
    child.kill('SIGTERM')
    return [spec.name, await ended]
  }

  async kill(): Promise<void> {
    this.#ending.abort()
    await this.#started
    for (const { child } of this.#containers) child.kill('SIGKILL')
    await Promise.all(this.#containers.map(({ ended }) => ended))
    this.#network?.close()
  }

  #fail(message: string): void {
    this.#tell({ what: 'failed', message })
  }

  #tell(event: { readonly what: PodEvent['what']; readonly [member: string]: unknown }): void {
    const { name, labels = {} } = this.#resource.metadata
    const deployment = labels['app'] ?? name
    const address = this.#network?.address ?? ''
    this.#options.onEvent({ pod: name, deployment, address, at: Date.now(), ...event } as PodEvent)
  }
}

async function passesProbe(address: string, probe: any, { ports = [] }: any): Promise<boolean> {
  const { httpGet, timeoutSeconds = 1 } = probe
  if (!httpGet) throw new Error(`This kubelet has no such probe: ${JSON.stringify(probe)}`)
  const port = ports.find(({ name }: any) => name === httpGet.port)?.containerPort ?? httpGet.port
  const status = await get(address, { ...httpGet, port }, (timeoutSeconds || 1) * 1_000)
  return status !== undefined && status >= 200 && status < 400
}

/** The status of a GET as the kubelet sends it; undefined without an answer in time. */
async function get(
  address: string,
  {
    path = '/',
    port,
    httpHeaders = [],
  }: { path?: string; port: number; httpHeaders?: { name: string; value: string }[] },
  timeoutMs: number,
): Promise<number | undefined> {
  const headers = {
    'user-agent': 'kube-probe/1.37',
    ...Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value])),
  }
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const sent = http.get({ agent: false, host: address, port, path, headers, timeout: timeoutMs }, (response) => {
    response.resume().once('close', () => resolve(response.statusCode))
  })
  sent.once('timeout', () => sent.destroy())
  sent.once('error', () => resolve(undefined))
  return promise
}
