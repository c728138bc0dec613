/** Extra facts about a flag or a flag set, handed to the application with each answer. */
export type Metadata = Readonly<Record<string, string | number | boolean>>

/** What a flag does in one environment, in flagd's format (https://flagd.dev/schema/v0/flags.json). Unknown members are kept. */
export type Definition = {
  readonly state: 'ENABLED' | 'DISABLED'
  readonly variants: Readonly<Record<string, unknown>>
  readonly defaultVariant?: string | null | undefined
  readonly targeting?: unknown
  readonly metadata?: Metadata | undefined
  readonly [member: string]: unknown
}

/** How `fractional` turns a bucketing value into a share; a stored setting, because changing it moves users. */
export type Bucketing = 'v1' | 'v2' | 'v3'

/** Everything an environment says: the source that a flag set is compiled from. */
export type FlagSetSource = {
  readonly flags: ReadonlyMap<string, Definition>
  /** Shared rules, flagd's `$evaluators`: name → rule. */
  readonly segments: Readonly<Record<string, unknown>>
  readonly metadata: Metadata
  readonly bucketing: Bucketing
}

/** An environment as one flagd document. `members` are those that have no meaning here, such as `$schema`: they are kept. */
export type FlagSetDocument = Omit<FlagSetSource, 'bucketing'> & { readonly members: Readonly<Record<string, unknown>> }

/** What the caller says about the user: attributes as parsed from JSON. */
export type Context = Readonly<Record<string, unknown>>
