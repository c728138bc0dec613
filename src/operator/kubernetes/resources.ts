import * as v from 'valibot'
import { isRecord, type JsonRecord } from '../../flag/definition.ts'

// The resources that the operator reads. The API server has checked them by their CRDs already; unknown members are left out.

const Labels = v.optional(v.record(v.string(), v.string()), {})
export const Metadata = v.object({
  name: v.string(),
  namespace: v.optional(v.string(), ''),
  uid: v.optional(v.string(), ''),
  resourceVersion: v.optional(v.string(), ''),
  generation: v.optional(v.number(), 0),
  labels: Labels,
  annotations: Labels,
  finalizers: v.optional(v.array(v.string()), []),
  deletionTimestamp: v.optional(v.string()),
})
const object = v.custom<JsonRecord>(isRecord)
/** OFO's `core.openfeature.dev/v1beta1` FeatureFlag: a flagd document in `spec.flagSpec`. */
export const FeatureFlag = v.object({
  metadata: Metadata,
  spec: v.optional(
    v.object({
      flagSpec: v.optional(
        v.object({
          flags: v.optional(object, {}),
          $evaluators: v.optional(object, {}),
          metadata: v.optional(object, {}),
        }),
        {},
      ),
    }),
    {},
  ),
})
export type FeatureFlag = v.InferOutput<typeof FeatureFlag>

const Condition = v.object({
  type: v.string(),
  status: v.picklist(['True', 'False', 'Unknown']),
  observedGeneration: v.optional(v.number()),
  lastTransitionTime: v.string(),
  reason: v.string(),
  message: v.string(),
})
export type Condition = v.InferOutput<typeof Condition>
const Status = v.object({
  observedGeneration: v.optional(v.number()),
  revision: v.optional(v.number()),
  digest: v.optional(v.string()),
  flags: v.optional(v.object({ applied: v.number(), refused: v.number() })),
  conditions: v.optional(v.array(Condition), []),
  refused: v.optional(v.array(v.object({ featureFlag: v.string(), pointer: v.string(), message: v.string() })), []),
})
export type FlagEnvironmentStatus = v.InferOutput<typeof Status>
/** Binds the FeatureFlags of a namespace to an environment of Flagstaff. */
export const FlagEnvironment = v.object({
  metadata: Metadata,
  spec: v.object({
    project: v.string(),
    environment: v.string(),
    createEnvironment: v.optional(v.boolean(), false),
    featureFlags: v.optional(v.object({ matchLabels: Labels }), { matchLabels: {} }),
    prune: v.optional(v.boolean(), false),
    adopt: v.optional(v.picklist(['Merge', 'Refuse']), 'Refuse'),
    drift: v.optional(v.picklist(['Correct', 'Report']), 'Correct'),
    suspend: v.optional(v.boolean(), false),
  }),
  status: v.optional(Status),
})
export type FlagEnvironment = v.InferOutput<typeof FlagEnvironment>

export const API_VERSION = 'flagstaff.dev/v1alpha1'
/** Delays the deletion of a FlagEnvironment with `prune` until its flags are archived. */
export const FINALIZER = 'flagstaff.dev/environment'
/** With the value "true": the FlagEnvironment is deleted without its flags. */
export const ORPHAN = 'flagstaff.dev/orphan'

/** The path of a kind of resources, in one namespace or, for undefined, in all. */
const pathIn = (group: string, plural: string) => (namespace: string | undefined) =>
  `/apis/${group}/${namespace === undefined ? '' : `namespaces/${namespace}/`}${plural}`
export const featureFlagsPath = pathIn('core.openfeature.dev/v1beta1', 'featureflags')
export const flagEnvironmentsPath = pathIn(API_VERSION, 'flagenvironments')

type Named = { readonly metadata: { readonly name: string; readonly namespace: string } }
/** `<namespace>/<name>` */
export const nameOf = ({ metadata }: Named): string => `${metadata.namespace}/${metadata.name}`

export const isSelected = ({ metadata }: FeatureFlag, { metadata: own, spec }: FlagEnvironment): boolean =>
  metadata.namespace === own.namespace &&
  Object.entries(spec.featureFlags.matchLabels).every(([name, value]) => metadata.labels[name] === value)
