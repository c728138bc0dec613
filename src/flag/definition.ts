/** A JSON object. */
export type JsonRecord = Readonly<Record<string, unknown>>

/** Facts about a flag or a flag set that each evaluation returns to the application. */
export type Metadata = Readonly<Record<string, string | number | boolean>>

/** A flag in one environment, in flagd's format (https://flagd.dev/schema/v0/flags.json). Unknown members are kept. */
export type Definition = {
  readonly state: 'ENABLED' | 'DISABLED'
  readonly variants: JsonRecord
  readonly defaultVariant?: string | null | undefined
  readonly targeting?: unknown
  readonly metadata?: Metadata | undefined
  readonly [member: string]: unknown
}

/** How `fractional` maps a bucketing value to a variant. Stored with the environment, because another method moves users. */
export type Bucketing = 'v1' | 'v2' | 'v3'

/** Shared rules as written (flagd's `$evaluators`): name → rule. */
export type SegmentRules = JsonRecord

/** All definitions of an environment, from which a flag set is compiled. */
export type FlagSetSource = {
  readonly flags: ReadonlyMap<string, Definition>
  readonly segments: SegmentRules
  readonly metadata: Metadata
  readonly bucketing: Bucketing
}

/** An environment as a flagd document. `members` are kept but have no effect, for example `$schema`. */
export type FlagSetDocument = Omit<FlagSetSource, 'bucketing'> & { readonly members: JsonRecord }

/** The evaluation context: attributes of the user, as parsed from JSON. */
export type Context = JsonRecord

/** Whether Postgres can store a text: well-formed Unicode without NUL. */
export const isText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()

/** Whether `value` is a JSON object: not null, not an array. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** How deep a rule may nest, operator in operator, segments included. */
export const RULE_DEPTH_MAX = 100
/** How many operators and operands a rule may have, segments included. A list of constants counts as one. */
export const RULE_NODES_MAX = 10_000
/** The cost of one evaluation in loops, texts and lists: about 10 ms of one core. */
export const STEPS_MAX = 200_000
/** The longest text, in UTF-16 units, and the longest list that a rule may produce. */
export const PRODUCT_LENGTH_MAX = 1_000_000
/** How deep a value may nest that is bucketed (v3) or converted to text. */
export const VALUE_DEPTH_MAX = 50
/** How many flags, and how many segments, a document may have. */
export const FLAGS_MAX = 20_000
/** The largest document, in bytes of JSON: an environment of some 20,000 flags. */
export const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
/** The longest JSON text of all `members` of a document, in UTF-16 units. */
export const MEMBERS_LENGTH_MAX = 65_536
/**
 * How deep a document may nest, in JSON objects and arrays. Every write through the service checks it. What a program wrote past the service
 * may nest deeper than the call stack, so code that reads all rules of an environment is not recursive, or stops at this depth.
 */
export const DOCUMENT_DEPTH_MAX = 100
/** The longest flag key, name of a variant or segment, and metadata key, in UTF-16 units. */
export const NAME_LENGTH_MAX = 256
/** The largest sum of the weights of one `fractional`: flagd's int32. */
export const WEIGHT_SUM_MAX = 2_147_483_647
