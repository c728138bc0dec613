import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { Client, Informer, Resource } from './client.ts'

// What the controllers of Kubernetes do that Knative needs: pods for Deployments, Endpoints for Services with a selector, and names of Services.

export const NODE = 'node'
const CLUSTER_DOMAIN = 'svc.cluster.local'

export type Watched = {
  readonly deployments: Informer
  readonly pods: Informer
  readonly services: Informer
  readonly endpoints: Informer
}

export async function watchAll(client: Client, onChange: () => void): Promise<Watched> {
  return {
    deployments: await client.inform('/apis/apps/v1/deployments', onChange),
    pods: await client.inform('/api/v1/pods', onChange),
    services: await client.inform('/api/v1/services', onChange),
    endpoints: await client.inform('/api/v1/endpoints', onChange),
  }
}

/** Pods of a Deployment that this process made and that its watch has not shown yet. */
const expected = new Set<string>()

/** Makes and deletes pods until each Deployment has as many as it wants, and writes its status. */
export async function syncDeployments(client: Client, { deployments, pods }: Watched): Promise<void> {
  for (const deployment of deployments) {
    const { name, namespace, uid, generation } = deployment.metadata
    const { replicas = 1, template, selector } = deployment.spec
    const own = [...pods].filter(
      (pod) => pod.metadata.namespace === namespace && isSelected(pod, selector.matchLabels) && !isEnding(pod),
    )
    for (const pod of own) expected.delete(pod.metadata.name)
    const pending = [...expected].filter((pod) => pod.startsWith(`${name}-`)).length
    for (let count = own.length + pending; count < replicas; count += 1) {
      const pod = `${name}-${randomBytes(3).toString('hex')}`
      expected.add(pod)
      const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }
      const metadata = { ...template.metadata, name: pod, namespace, ownerReferences: [owner] }
      await create(client, `/api/v1/namespaces/${namespace}/pods`, {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata },
        spec: { ...template.spec, nodeName: NODE },
      })
    }
    for (const pod of own.slice(replicas))
      await client.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}`)
    const ready = own.filter(isReady).length
    const status = statusOf({ generation, replicas, own: own.length, ready })
    if (!isSame(status, deployment.status))
      await client.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}/status`, { status })
  }
}

/** Writes the Endpoints of each Service that has a selector. */
export async function syncEndpoints(client: Client, { services, pods, endpoints }: Watched): Promise<void> {
  for (const service of services) {
    const { name, namespace, labels } = service.metadata
    const { selector, ports = [] } = service.spec
    if (!selector) continue
    const own = [...pods].filter(
      (pod) => pod.metadata.namespace === namespace && isSelected(pod, selector) && !isEnding(pod) && pod.status?.podIP,
    )
    const [first] = own
    const subsets = first ? [subsetOf(own, ports, first)] : []
    const known = endpoints.all.get(`${namespace}/${name}`)
    if (known && isSame(subsets, known['subsets'] ?? [])) continue
    const path = `/api/v1/namespaces/${namespace}/endpoints`
    if (known) await client.patch(`${path}/${name}`, { subsets: subsets.length > 0 ? subsets : null })
    else
      await create(client, path, {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata: { name, namespace, labels },
        subsets,
      })
  }
}

/** Writes the file with the names of all Services: those with a selector are their first ready pod, others the ingress. */
export function writeHosts(file: string, { services, endpoints }: Watched, ingress: string): void {
  const lines = [...services].map(({ metadata: { name, namespace }, spec }) => {
    const ready = endpoints.all.get(`${namespace}/${name}`)?.['subsets']?.[0]?.addresses?.[0]?.ip
    const names = `${name}.${namespace}.${CLUSTER_DOMAIN} ${name}.${namespace}.svc`
    return `${spec.selector ? (ready ?? '192.0.2.1') : ingress} ${names}\n`
  })
  writeFileSync(file, ['127.0.0.1 localhost\n', ...lines.sort()].join(''))
}

function subsetOf(pods: readonly Resource[], ports: readonly any[], first: Resource): object {
  const addressOf = ({ metadata: { name, namespace, uid }, status }: Resource) => ({
    ip: status.podIP,
    nodeName: NODE,
    targetRef: { kind: 'Pod', name, namespace, uid },
  })
  const [ready, notReady] = [pods.filter(isReady), pods.filter((pod) => !isReady(pod))]
  return {
    ...(ready.length > 0 && { addresses: ready.map(addressOf) }),
    ...(notReady.length > 0 && { notReadyAddresses: notReady.map(addressOf) }),
    ports: ports.map(({ name, port, targetPort, protocol = 'TCP' }) => ({
      ...(name !== undefined && { name }),
      port: typeof targetPort === 'string' ? portOf(first, targetPort) : (targetPort ?? port),
      protocol,
    })),
  }
}

function portOf({ spec }: Resource, name: string): number {
  const ports = spec.containers.flatMap((container: any) => container.ports ?? [])
  const found = ports.find((port: any) => port.name === name)
  if (!found) throw new Error(`No container has the port ${name}`)
  return found.containerPort
}

function statusOf(count: { generation: number | undefined; replicas: number; own: number; ready: number }): object {
  const isAvailable = count.ready >= count.replicas
  const condition = (type: string, is: boolean, reason: string) => ({ type, status: is ? 'True' : 'False', reason })
  return {
    observedGeneration: count.generation,
    replicas: count.own,
    updatedReplicas: count.own,
    readyReplicas: count.ready,
    availableReplicas: count.ready,
    unavailableReplicas: Math.max(0, count.replicas - count.ready),
    conditions: [
      condition('Available', isAvailable, isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable'),
      condition('Progressing', true, isAvailable ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'),
    ],
  }
}

async function create(client: Client, path: string, body: object): Promise<void> {
  const { status, body: answer } = await client.call('POST', path, body)
  if (status !== 201 && status !== 409) throw new Error(`POST ${path}: ${status} ${JSON.stringify(answer)}`)
}

const isEnding = ({ metadata }: Resource): boolean => metadata.deletionTimestamp !== undefined
const isReady = ({ status }: Resource): boolean =>
  (status?.conditions ?? []).some((one: any) => one.type === 'Ready' && one.status === 'True')
const isSelected = ({ metadata: { labels = {} } }: Resource, selector: Record<string, string>): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value)

/** Whether each member of `wanted` is in `found`, where zero and absent are the same. */
function isSame(wanted: any, found: any): boolean {
  if (typeof wanted !== 'object' || wanted === null) return wanted === found || (wanted === 0 && found === undefined)
  if (Array.isArray(wanted) && wanted.length !== found?.length) return false
  return Object.keys(wanted).every((name) => isSame(wanted[name], found?.[name]))
}
