import { join } from 'node:path'
import { KNATIVE } from '../../deploy/deployments.ts'
import { kustomize } from '../../deploy/kustomize.ts'
import type { ApiServer } from '../../support/kubernetes.ts'
import { servingOf } from '../build.ts'
import type { ClusterOptions } from './cluster.ts'
import type { PodSubnet } from './network.ts'

const SYSTEM = 'knative-serving'
const NAMESPACE = 'flagstaff'
const DEFINITIONS = [
  'core/300-resources',
  ...['certificate', 'domain-claim', 'ingress', 'serverlessservice'].map((name) => `networking/${name}.yaml`),
  'caching/image.yaml',
]
const DEPLOYMENTS = ['controller', 'autoscaler', 'activator']
/** Knative takes the tag of an image of this registry as it is, without a call. */
const IMAGE = 'dev.local/flagstaff:test'

/** A file or folder of Knative's modules. */
const configOf = (part: string): string => servingOf(join('config', part))

/** Applies Knative's definitions, configuration and, as they are, the Deployments of its programs. */
export async function installKnative(api: ApiServer, autoscaler: Readonly<Record<string, string>>): Promise<void> {
  for (const definitions of DEFINITIONS) await api.applyDefinitions(configOf(definitions))
  await api.kubectl(['create', 'namespace', SYSTEM])
  await api.kubectl(['apply', '-f', configOf('core/configmaps')])
  await api.kubectl(['apply', '-f', configOf('networking/config-network.yaml')])
  await api.kubectl([
    'patch',
    'configmap',
    'config-autoscaler',
    '-n',
    SYSTEM,
    '--type=merge',
    '-p',
    JSON.stringify({ data: autoscaler }),
  ])
  for (const name of DEPLOYMENTS) await api.kubectl(['apply', '-f', configOf(`core/deployments/${name}.yaml`)])
}

/** Deploys knative/base under each name and waits until it is ready; returns the host names. */
export async function installServices(
  api: ApiServer,
  subnet: PodSubnet,
  options: ClusterOptions,
): Promise<Record<string, string>> {
  await api.kubectl(['create', 'namespace', NAMESPACE])
  const literals = await Promise.all(
    Object.entries(options.secret).map(
      async ([key, value]) => `--from-literal=${key}=${await reachable(subnet, value)}`,
    ),
  )
  await api.kubectl(['create', 'secret', 'generic', 'flagstaff', '-n', NAMESPACE, ...literals])
  for (const name of DEPLOYMENTS)
    await api.kubectl(['wait', '--for=condition=Available', `deployment/${name}`, '-n', SYSTEM, '--timeout=50s'])
  const objects = options.services.flatMap((name) => baseNamed(name, options.annotations))
  await api.kubectl(
    ['apply', '-n', NAMESPACE, '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  )
  const found: Record<string, string> = {}
  for (const name of options.services) {
    const service = `services.serving.knative.dev/${name}`
    await api.kubectl(['wait', '--for=condition=Ready', service, '-n', NAMESPACE, '--timeout=50s'])
    const url = await api.kubectl(['get', service, '-n', NAMESPACE, '-o', 'jsonpath={.status.url}'])
    found[name] = new URL(url).hostname
  }
  return found
}

function baseNamed(name: string, annotations: Readonly<Record<string, string>>): any[] {
  const objects: any[] = kustomize(join(KNATIVE, 'base'))
  for (const { metadata, spec } of objects) {
    metadata.name = name
    Object.assign(spec.template.metadata.annotations, annotations)
    for (const container of spec.template.spec.containers) container.image = IMAGE
  }
  return objects
}

/** A URL of a server of 127.0.0.1, as a pod reaches it. */
async function reachable(subnet: PodSubnet, value: string): Promise<string> {
  const [, port] = /@?127\.0\.0\.1:(\d+)/.exec(value) ?? []
  if (port === undefined) return value
  return value.replace(`127.0.0.1:${port}`, `${subnet.hostAddress}:${await subnet.expose(Number(port))}`)
}
