import * as v from 'valibot'

// The parts of Kubernetes's objects that we use. A field that is not listed is refused, which detects misspelt ones.

const DNS_LABEL = v.pipe(v.string(), v.regex(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/))
export const Port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
export const Count = v.pipe(v.number(), v.integer(), v.minValue(0))
export const Seconds = v.pipe(v.number(), v.integer(), v.minValue(1))
export const Labels = v.record(v.pipe(v.string(), v.regex(/^[a-z0-9.-]+\/[a-z.]+$/)), DNS_LABEL)
export const Metadata = v.strictObject({
  name: DNS_LABEL,
  namespace: v.optional(DNS_LABEL),
  labels: v.optional(Labels),
})
export const Selector = v.strictObject({ matchLabels: Labels })

const SecretKey = v.strictObject({ name: DNS_LABEL, key: v.string(), optional: v.optional(v.boolean()) })
/** A value, or a reference to a secret: never a secret itself. */
export const Env = v.array(
  v.union([
    v.strictObject({ name: v.string(), value: v.string() }),
    v.strictObject({ name: v.string(), valueFrom: v.strictObject({ secretKeyRef: SecretKey }) }),
  ]),
)

export const HttpGet = v.strictObject({
  path: v.pipe(v.string(), v.startsWith('/')),
  port: v.optional(v.union([Port, DNS_LABEL])),
})
/** A probe as Kubernetes itself runs it. */
export const Probe = v.strictObject({
  httpGet: HttpGet,
  periodSeconds: Seconds,
  timeoutSeconds: Seconds,
  failureThreshold: Seconds,
})

const Cpu = v.pipe(v.string(), v.regex(/^\d+m?$/))
const Memory = v.pipe(v.string(), v.regex(/^\d+(Mi|Gi)$/))
const Amounts = v.strictObject({ cpu: v.optional(Cpu), memory: Memory })
export const Resources = v.strictObject({ requests: v.optional(Amounts), limits: Amounts })

/** The strictest settings under which the image works; weaker ones are refused. */
export const SecurityContext = v.strictObject({
  runAsNonRoot: v.literal(true),
  runAsUser: v.literal(65_532),
  runAsGroup: v.literal(65_532),
  readOnlyRootFilesystem: v.literal(true),
  allowPrivilegeEscalation: v.literal(false),
  capabilities: v.strictObject({ drop: v.strictTuple([v.literal('ALL')]) }),
  seccompProfile: v.strictObject({ type: v.literal('RuntimeDefault') }),
})

/** The fields that all our pods have. */
export const POD = { enableServiceLinks: v.literal(false), automountServiceAccountToken: v.literal(false) }
export const CONTAINER = {
  name: DNS_LABEL,
  image: v.string(),
  env: Env,
  resources: Resources,
  securityContext: SecurityContext,
}
