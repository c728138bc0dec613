import { once } from 'node:events'
import http from 'node:http'
import type { Client, Informer, Resource } from './client.ts'
import type { Watched } from './controllers.ts'

// The ingress: marks Knative's Ingresses as programmed, and routes by host name to the addresses of the Service they name, with the headers
// they name. It repeats no request, so that each one that is lost is seen.

const GROUP = '/apis/networking.internal.knative.dev/v1alpha1'
const IDLE_CONNECTION_MS = 90_000

export type Ingress = { readonly port: number; close(): Promise<void> }
type Route = { readonly namespace: string; readonly service: string; readonly headers: Record<string, string> }

export type IngressOptions = {
  readonly address: string
  readonly port: number
  /** Host name of every request, in place of its own. */
  readonly hostName?: () => string
  readonly watched: Watched
  readonly ingresses: Informer
}

export async function openIngress({ address, port, hostName, watched, ingresses }: IngressOptions): Promise<Ingress> {
  const agent = new http.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS })
  const server = http.createServer({ keepAliveTimeout: IDLE_CONNECTION_MS }, (request, response) => {
    const name = hostName?.() ?? (request.headers.host ?? '').replace(/:\d+$/, '')
    const route = routeOf(name, ingresses)
    const target = route && targetOf(route, watched)
    if (!target) {
      response.writeHead(503).end(`ingress: no route to ${name}`)
      return
    }
    const headers = { ...request.headers, host: name, ...route.headers }
    const outgoing = http.request({ agent, ...target, method: request.method, path: request.url, headers })
    outgoing.on('response', (incoming) => {
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...rest } = incoming.headers
      response.writeHead(incoming.statusCode ?? 502, rest)
      response.flushHeaders()
      incoming.pipe(response)
      incoming.on('error', () => response.destroy())
    })
    outgoing.on('error', (error) => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end(`ingress: ${error.message}`)
    })
    response.once('close', () => outgoing.destroy())
    request.pipe(outgoing)
  })
  server.listen(port, address)
  await once(server, 'listening')
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : 0,
    async close() {
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await once(server, 'close')
    },
  }
}

/** The Service behind a host name: a part of Knative's Ingress, or the Service of that name itself. */
function routeOf(host: string, ingresses: Informer): Route | undefined {
  for (const { spec, metadata } of ingresses)
    for (const { hosts = [], http: rule } of spec.rules ?? [])
      if (hosts.includes(host)) {
        const [split] = rule.paths[0].splits
        const headers = lowerCased({ ...rule.paths[0].appendHeaders, ...split.appendHeaders })
        return { namespace: split.serviceNamespace ?? metadata.namespace, service: split.serviceName, headers }
      }
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc(\.cluster\.local)?$/.exec(host) ?? []
  return service && namespace ? { namespace, service, headers: {} } : undefined
}

/** A random address of the Service's Endpoints. */
function targetOf({ namespace, service }: Route, { endpoints }: Watched): { host: string; port: number } | undefined {
  const [subset] = endpoints.all.get(`${namespace}/${service}`)?.['subsets'] ?? []
  const addresses: { ip: string }[] = subset?.addresses ?? []
  const chosen = addresses[Math.floor(Math.random() * addresses.length)]
  return chosen && { host: chosen.ip, port: subset.ports[0].port }
}

/** Says in the status of each Ingress that requests reach what its newest generation names. */
export async function syncIngresses(client: Client, ingresses: Iterable<Resource>): Promise<void> {
  for (const { metadata, status } of ingresses) {
    if (status?.observedGeneration === metadata.generation && status?.conditions?.length) continue
    const balancer = { ingress: [{ domainInternal: 'ingress.knative-serving.svc.cluster.local' }] }
    const conditions = ['LoadBalancerReady', 'NetworkConfigured', 'Ready'].map((type) => ({ type, status: 'True' }))
    await client.patch(`${GROUP}/namespaces/${metadata.namespace}/ingresses/${metadata.name}/status`, {
      status: {
        observedGeneration: metadata.generation,
        conditions,
        publicLoadBalancer: balancer,
        privateLoadBalancer: balancer,
      },
    })
  }
}

const lowerCased = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
