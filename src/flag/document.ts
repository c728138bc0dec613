import type { FlagSetSource } from './definition.ts'

const SCHEMA = 'https://flagd.dev/schema/v0/flags.json'

/** An environment in flagd's format; members that would be empty are left out. */
export function documentOf({ flags, segments, metadata }: Omit<FlagSetSource, 'bucketing'>) {
  return {
    $schema: SCHEMA,
    flags: Object.fromEntries(flags),
    ...(Object.keys(segments).length > 0 && { $evaluators: segments }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  }
}
