import * as v from 'valibot'
import { CONTAINER, Count, Labels, Metadata, POD, Port, Probe, Seconds, Selector } from './pod.ts'

const NamedPort = v.strictObject({ name: v.string(), containerPort: Port })

const Deployment = v.strictObject({
  apiVersion: v.literal('apps/v1'),
  kind: v.literal('Deployment'),
  metadata: Metadata,
  spec: v.strictObject({
    selector: Selector,
    strategy: v.strictObject({
      type: v.literal('RollingUpdate'),
      rollingUpdate: v.strictObject({ maxSurge: Count, maxUnavailable: Count }),
    }),
    template: v.strictObject({
      metadata: v.strictObject({ labels: Labels }),
      spec: v.strictObject({
        ...POD,
        terminationGracePeriodSeconds: Seconds,
        topologySpreadConstraints: v.array(
          v.strictObject({
            maxSkew: Seconds,
            topologyKey: v.string(),
            whenUnsatisfiable: v.picklist(['DoNotSchedule', 'ScheduleAnyway']),
            labelSelector: Selector,
          }),
        ),
        containers: v.strictTuple([
          v.strictObject({
            ...CONTAINER,
            ports: v.array(NamedPort),
            startupProbe: Probe,
            readinessProbe: Probe,
            livenessProbe: Probe,
            // No exec: the image has no other programs.
            lifecycle: v.strictObject({ preStop: v.strictObject({ sleep: v.strictObject({ seconds: Seconds }) }) }),
          }),
        ]),
      }),
    }),
  }),
})

const Job = v.strictObject({
  apiVersion: v.literal('batch/v1'),
  kind: v.literal('Job'),
  metadata: Metadata,
  spec: v.strictObject({
    backoffLimit: Count,
    activeDeadlineSeconds: Seconds,
    ttlSecondsAfterFinished: Count,
    template: v.strictObject({
      metadata: v.strictObject({ labels: Labels }),
      spec: v.strictObject({
        ...POD,
        restartPolicy: v.literal('Never'),
        containers: v.strictTuple([v.strictObject({ ...CONTAINER, args: v.array(v.string()) })]),
      }),
    }),
  }),
})

const Service = v.strictObject({
  apiVersion: v.literal('v1'),
  kind: v.literal('Service'),
  metadata: Metadata,
  spec: v.strictObject({
    selector: Labels,
    ports: v.array(
      v.strictObject({
        name: v.string(),
        port: Port,
        targetPort: v.string(),
        appProtocol: v.picklist(['http', 'kubernetes.io/h2c']),
      }),
    ),
  }),
})

const HorizontalPodAutoscaler = v.strictObject({
  apiVersion: v.literal('autoscaling/v2'),
  kind: v.literal('HorizontalPodAutoscaler'),
  metadata: Metadata,
  spec: v.strictObject({
    scaleTargetRef: v.strictObject({
      apiVersion: v.literal('apps/v1'),
      kind: v.literal('Deployment'),
      name: v.string(),
    }),
    minReplicas: Seconds,
    maxReplicas: Seconds,
    metrics: v.array(
      v.strictObject({
        type: v.literal('Resource'),
        resource: v.strictObject({
          name: v.picklist(['cpu', 'memory']),
          target: v.strictObject({
            type: v.literal('Utilization'),
            averageUtilization: v.pipe(Seconds, v.maxValue(100)),
          }),
        }),
      }),
    ),
    behavior: v.strictObject({
      scaleDown: v.strictObject({
        stabilizationWindowSeconds: v.pipe(Count, v.maxValue(3_600)),
        policies: v.array(
          v.strictObject({ type: v.picklist(['Pods', 'Percent']), value: Seconds, periodSeconds: Seconds }),
        ),
      }),
    }),
  }),
})

const PodDisruptionBudget = v.strictObject({
  apiVersion: v.literal('policy/v1'),
  kind: v.literal('PodDisruptionBudget'),
  metadata: Metadata,
  spec: v.strictObject({ maxUnavailable: Count, selector: Selector }),
})

const Rule = v.strictObject({
  from: v.optional(v.array(v.strictObject({ namespaceSelector: v.strictObject({ matchLabels: Labels }) }))),
  ports: v.array(v.strictObject({ protocol: v.picklist(['TCP', 'UDP']), port: Port })),
})
const NetworkPolicy = v.strictObject({
  apiVersion: v.literal('networking.k8s.io/v1'),
  kind: v.literal('NetworkPolicy'),
  metadata: Metadata,
  spec: v.strictObject({
    podSelector: Selector,
    policyTypes: v.array(v.picklist(['Ingress', 'Egress'])),
    ingress: v.array(Rule),
    egress: v.array(Rule),
  }),
})

export const KubernetesObject = v.variant('kind', [
  Deployment,
  Job,
  Service,
  HorizontalPodAutoscaler,
  PodDisruptionBudget,
  NetworkPolicy,
])
export type KubernetesObject = v.InferOutput<typeof KubernetesObject>
