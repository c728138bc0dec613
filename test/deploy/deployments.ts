import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import * as v from 'valibot'
import { FlyConfig } from './fly.ts'
import { CloudRunJob, CloudRunService, KnativeService } from './knative.ts'
import { KubernetesObject } from './kubernetes.ts'
import { type Container, containersOf, kustomize, type Manifest, readManifests } from './kustomize.ts'

export const ROOT = join(import.meta.dirname, '../..')
export const KNATIVE = join(ROOT, 'knative')
const OVERLAYS = ['example', 'grpc', 'kubernetes']
const CLOUD_RUN = ['service', 'migrate']

/** Every manifest that is deployed, by its source. */
export const manifests: readonly { readonly name: string; readonly manifest: Manifest }[] = [
  ...OVERLAYS.map((name) => ({ from: name, all: kustomize(join(KNATIVE, 'overlays', name)) })),
  ...CLOUD_RUN.map((name) => ({ from: 'cloud-run', all: readManifests(join(KNATIVE, 'cloud-run', `${name}.yaml`)) })),
].flatMap(({ from, all }) =>
  all.map((manifest) => ({ name: `${from}: ${manifest.kind} ${manifest.metadata.name}`, manifest })),
)

/** Throws for a manifest that its platform would refuse, or in which it would ignore a field; names every place. */
export function check({ name, manifest }: { name: string; manifest: unknown }): void {
  const { issues = [] } = v.safeParse(schemaOf(name, manifest as Manifest), manifest)
  if (issues.length > 0)
    throw new Error(issues.map((one) => `${name}: ${v.getDotPath(one)}: ${one.message}`).join('\n'))
}

function schemaOf(name: string, { apiVersion }: Manifest): v.GenericSchema {
  if (name.startsWith('cloud-run')) return apiVersion.startsWith('run.') ? CloudRunJob : CloudRunService
  return apiVersion.startsWith('serving.') ? KnativeService : KubernetesObject
}

/** A deployed program: its arguments, variables, ports and time limits. */
export type Run = {
  readonly name: string
  readonly image: string | undefined
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly ports: readonly { readonly name: string; readonly port: number }[]
  readonly paths: readonly string[]
  /** Seconds from SIGTERM to SIGKILL. */
  readonly endSeconds: number
  /** Time limit of a request in seconds; Infinity if there is none. */
  readonly requestSeconds: number
}

export const fly = v.parse(FlyConfig, parseToml(readFileSync(join(ROOT, 'fly.toml'), 'utf8')))

/** Knative sends the signal only after 30 s without a request, which are part of the grace period. */
const KNATIVE_WAIT_SECONDS = 30
/** https://docs.cloud.google.com/run/docs/container-contract: it cannot be set. */
const CLOUD_RUN_END_SECONDS = 10

const Times = v.object({
  spec: v.object({
    template: v.object({
      spec: v.object({
        timeoutSeconds: v.optional(v.number()),
        terminationGracePeriodSeconds: v.optional(v.number()),
        containers: v.optional(
          v.array(
            v.object({
              lifecycle: v.optional(v.object({ preStop: v.object({ sleep: v.object({ seconds: v.number() }) }) })),
            }),
          ),
          [],
        ),
      }),
    }),
  }),
})

export const runs: readonly Run[] = [
  ...manifests.flatMap(({ name, manifest }) =>
    containersOf(manifest).map((container) => ({ ...runOf(container), name, ...timesOf(name, manifest) })),
  ),
  {
    name: 'fly.toml',
    image: undefined,
    args: [],
    env: { ...fly.env, DATABASE_URL: undefined, REDIS_URL: undefined, FLAGSTAFF_ADMIN_KEY: undefined },
    ports: [...new Set([fly.http_service.internal_port, ...fly.metrics.map(({ port }) => port)])].map((port) => ({
      name: 'http',
      port,
    })),
    paths: [...fly.http_service.checks, ...fly.metrics].map(({ path }) => path),
    endSeconds: fly.kill_timeout,
    requestSeconds: Number.POSITIVE_INFINITY,
  },
]

function runOf(container: Container): Pick<Run, 'image' | 'args' | 'env' | 'ports' | 'paths'> {
  const { image, args = [], env, ports = [] } = container
  const probes = Object.values(container).flatMap((member) => {
    const probe = v.safeParse(v.object({ httpGet: v.object({ path: v.string() }) }), member)
    return probe.success ? [probe.output.httpGet.path] : []
  })
  return {
    image,
    args,
    env: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    ports: ports.map(({ name, containerPort }) => ({ name, port: containerPort })),
    paths: probes,
  }
}

function timesOf(name: string, manifest: Manifest): Pick<Run, 'endSeconds' | 'requestSeconds'> {
  const { timeoutSeconds, terminationGracePeriodSeconds, containers } = v.parse(Times, manifest).spec.template.spec
  const requestSeconds = timeoutSeconds ?? Number.POSITIVE_INFINITY
  if (name.startsWith('cloud-run')) return { endSeconds: CLOUD_RUN_END_SECONDS, requestSeconds }
  if (timeoutSeconds !== undefined) return { endSeconds: timeoutSeconds - KNATIVE_WAIT_SECONDS, requestSeconds }
  const [first] = containers
  const waitSeconds = first?.lifecycle?.preStop.sleep.seconds ?? 0
  return { endSeconds: (terminationGracePeriodSeconds ?? 30) - waitSeconds, requestSeconds }
}
