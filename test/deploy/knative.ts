import * as v from 'valibot'
import { CONTAINER, Env, HttpGet, Labels, Metadata, POD, Port, Probe, Resources, Seconds } from './pod.ts'

/** Ports of its sidecar (knative/serving pkg/networking/constants.go, and its profiling port). */
const RESERVED_PORTS = [8008, 8012, 8013, 8022, 9090, 9091]
/** Variables that Knative sets (pkg/apis/serving/k8s_validation.go). */
const RESERVED_VARIABLES = ['PORT', 'K_SERVICE', 'K_CONFIGURATION', 'K_REVISION']
/** The default of config-defaults' max-revision-timeout-seconds. */
const TIMEOUT_SECONDS_MAX = 600
/** timeoutSeconds is the grace period too, of which Knative's own preStop hook uses 30 s or more before the signal. */
const TIMEOUT_SECONDS_MIN = 60

const FreePort = v.pipe(
  Port,
  v.check((port) => !RESERVED_PORTS.includes(port), 'Knative reserves this port'),
)
const FreeEnv = v.pipe(
  Env,
  v.check((env) => !env.some(({ name }) => RESERVED_VARIABLES.includes(name)), 'Knative reserves this variable'),
)
const number = (min: number) =>
  v.pipe(
    v.string(),
    v.check((text) => /^\d+$/.test(text) && Number(text) >= min, `expected a whole number from ${min} on`),
  )

const Autoscaling = v.strictObject({
  'autoscaling.knative.dev/metric': v.picklist(['concurrency', 'rps']),
  'autoscaling.knative.dev/target': number(1),
  'autoscaling.knative.dev/min-scale': number(0),
  'autoscaling.knative.dev/max-scale': number(1),
  'autoscaling.knative.dev/target-burst-capacity': number(0),
})

/**
 * The fields that Knative's webhook allows by default (pkg/apis/serving/fieldmask.go): no lifecycle, no init container, no security of the
 * pod as a whole, no grace period, one port. A start-up probe would be allowed, but delays each start by a second: it is refused here.
 */
export const KnativeService = v.strictObject({
  apiVersion: v.literal('serving.knative.dev/v1'),
  kind: v.literal('Service'),
  metadata: Metadata,
  spec: v.strictObject({
    template: v.strictObject({
      metadata: v.strictObject({ labels: Labels, annotations: Autoscaling }),
      spec: v.strictObject({
        ...POD,
        containerConcurrency: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000)),
        timeoutSeconds: v.pipe(Seconds, v.minValue(TIMEOUT_SECONDS_MIN), v.maxValue(TIMEOUT_SECONDS_MAX)),
        containers: v.strictTuple([
          v.strictObject({
            ...CONTAINER,
            env: FreeEnv,
            ports: v.strictTuple([v.strictObject({ name: v.picklist(['http1', 'h2c']), containerPort: FreePort })]),
            // Without periodSeconds: the fast mode, which forbids the other numbers.
            readinessProbe: v.strictObject({ httpGet: HttpGet }),
            livenessProbe: Probe,
          }),
        ]),
      }),
    }),
  }),
})
export type KnativeService = v.InferOutput<typeof KnativeService>

const switchedOn = v.literal('true')
const CLOUD_RUN_CONTAINER = { name: v.string(), image: v.string(), resources: Resources }

/** https://docs.cloud.google.com/run/docs/reference/yaml/v1. It has no security context: Cloud Run gives each instance a sandbox. */
export const CloudRunService = v.strictObject({
  apiVersion: v.literal('serving.knative.dev/v1'),
  kind: v.literal('Service'),
  metadata: v.strictObject({
    name: v.string(),
    annotations: v.strictObject({
      'run.googleapis.com/ingress': v.picklist(['all', 'internal', 'internal-and-cloud-load-balancing']),
      'run.googleapis.com/invoker-iam-disabled': switchedOn,
    }),
  }),
  spec: v.strictObject({
    template: v.strictObject({
      metadata: v.strictObject({
        annotations: v.strictObject({
          'autoscaling.knative.dev/minScale': number(0),
          'autoscaling.knative.dev/maxScale': number(1),
          'run.googleapis.com/execution-environment': v.picklist(['gen1', 'gen2']),
          'run.googleapis.com/startup-cpu-boost': switchedOn,
          'run.googleapis.com/cpu-throttling': v.picklist(['true', 'false']),
        }),
      }),
      spec: v.strictObject({
        serviceAccountName: v.string(),
        containerConcurrency: v.pipe(Seconds, v.maxValue(1_000)),
        timeoutSeconds: v.pipe(Seconds, v.maxValue(3_600)),
        containers: v.strictTuple([
          v.strictObject({
            ...CLOUD_RUN_CONTAINER,
            env: FreeEnv,
            ports: v.strictTuple([v.strictObject({ name: v.picklist(['http1', 'h2c']), containerPort: Port })]),
            startupProbe: v.pipe(
              Probe,
              v.check((probe) => probe.timeoutSeconds <= probe.periodSeconds, 'a probe ends before the next'),
              v.check((probe) => probe.periodSeconds * probe.failureThreshold <= 240, 'at most 240 s to start in'),
            ),
            livenessProbe: Probe,
          }),
        ]),
      }),
    }),
    traffic: v.array(v.strictObject({ percent: v.number(), latestRevision: v.literal(true) })),
  }),
})
export type CloudRunService = v.InferOutput<typeof CloudRunService>

export const CloudRunJob = v.strictObject({
  apiVersion: v.literal('run.googleapis.com/v1'),
  kind: v.literal('Job'),
  metadata: v.strictObject({ name: v.string() }),
  spec: v.strictObject({
    template: v.strictObject({
      spec: v.strictObject({
        taskCount: v.literal(1),
        template: v.strictObject({
          spec: v.strictObject({
            serviceAccountName: v.string(),
            maxRetries: v.number(),
            timeoutSeconds: Seconds,
            containers: v.strictTuple([
              v.strictObject({ ...CLOUD_RUN_CONTAINER, env: Env, args: v.array(v.string()) }),
            ]),
          }),
        }),
      }),
    }),
  }),
})
