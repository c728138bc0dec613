import * as v from 'valibot'
import { isText } from '../../flag/definition.ts'

// Schemas that several routes share. The OpenAPI document is generated from them: their descriptions are documentation.

export const text = (max: number) =>
  v.pipe(v.string(), v.maxLength(max), v.check(isText, 'must be well-formed text without NUL'))

const slug = (description: string) =>
  v.pipe(
    v.string(),
    v.regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'must be 1 to 64 of a-z, 0-9 and "-", with no "-" at the ends'),
    v.description(description),
  )

/** The first and the last millisecond that Postgres accepts in the form in which dates are sent to it. */
export const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z')
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z')
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-]\d\d)(?::?(\d\d))?)$/

/**
 * Parses an ISO 8601 timestamp; undefined for a time that does not exist (30 February, 24:00) and for one outside the years 1 to 9999.
 * Runtimes parse those differently: as the next day, or as a date that throws when it is sent to the database.
 */
function instantOf(value: string): Date | undefined {
  const [, day, time, fraction = '', hours = '+00', minutes = '00'] = TIMESTAMP.exec(value) ?? []
  const local = Date.parse(`${day}T${time}Z`)
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(`${day}T${time}`)) return undefined
  const parsed = new Date(`${day}T${time}${fraction.slice(0, 4)}${hours}:${minutes}`)
  return parsed.getTime() >= EARLIEST_MS && parsed.getTime() <= LATEST_MS ? parsed : undefined
}

/** A point in time in a response. */
export const instant = (description: string) => v.pipe(v.string(), v.isoTimestamp(), v.description(description))
/** A point in time in a request, parsed. */
export const time = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((value) => instantOf(value) !== undefined, 'must be a time that exists, in the years 1 to 9999 (UTC)'),
  v.transform((value) => instantOf(value) ?? new Date(Number.NaN)),
)
export const lastEvaluatedAt = v.pipe(
  v.nullable(v.string()),
  v.description(
    'Last evaluation, up to some minutes late; null: none. In all environments where no environment is named',
  ),
)
export const revision = v.pipe(v.number(), v.integer(), v.description('Counts the changes of its environment'))
export const version = v.pipe(v.number(), v.integer(), v.description('Counts the changes of this object; its ETag'))
export const metadata = v.pipe(
  v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  v.description('Returned to the application with each evaluation'),
)
/** A query parameter that is `true` or `false`, parsed. */
export const booleanText = v.pipe(
  v.picklist(['true', 'false']),
  v.transform((value) => value === 'true'),
)

export const Limit = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^\d{1,4}$/),
    v.transform(Number),
    v.minValue(1),
    v.maxValue(1000),
    v.description('Entries per page (100)'),
  ),
  '100',
)
const NEXT = '`next` of the previous page'
const after = (max: number, description: string) => v.optional(v.pipe(text(max), v.description(description)), '')
export const Page = v.object({ limit: Limit, after: after(256, `Key to continue after: ${NEXT}`) })
export const ProblemPage = v.object({ limit: Limit, after: after(300, NEXT) })
export const OffsetPage = v.object({
  limit: Limit,
  offset: v.optional(v.pipe(v.string(), v.regex(/^\d{1,6}$/), v.transform(Number), v.description(NEXT)), '0'),
})
export const ChangePage = v.object({
  limit: Limit,
  before: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,18}$/),
      v.transform((digits) => BigInt(digits)),
      v.description(NEXT),
    ),
  ),
})
export const pageOf = <T extends v.GenericSchema>(items: T) =>
  v.object({
    items: v.array(items),
    next: v.pipe(v.nullable(v.string()), v.description('Where the next page starts; null at the end')),
  })
/** `next` of a page that continues after the key of its last row. */
export const nextKey = (rows: readonly { readonly key: string }[], limit: number): string | null =>
  rows.length < limit ? null : (rows.at(-1)?.key ?? null)

export const ProjectKey = slug('Key of a project')
export const EnvironmentKey = slug('Key of an environment')
export const FlagKey = v.pipe(
  text(256),
  v.minLength(1),
  v.check((key) => !['.', '..', '__proto__'].includes(key), 'must not be ".", ".." or "__proto__"'),
  v.description('Key of a flag, unique in its project'),
)
export const SegmentName = v.pipe(
  text(256),
  v.minLength(1),
  v.check((name) => !['.', '..', '__proto__'].includes(name), 'must not be ".", ".." or "__proto__"'),
  v.description('Name of a segment, unique in its environment'),
)
export const ManagerName = v.pipe(
  text(256),
  v.regex(/^[a-z][a-z0-9-]*:[\w./:-]+$/, 'must be `<system>:<name>`, such as kubernetes:shop/production'),
  v.description('Name of a system that manages flags: `<system>:<name>`'),
)
/** Who manages a flag in an environment. */
export const managedBy = v.nullable(
  v.pipe(
    v.object({ name: v.string(), locked: v.boolean() }),
    v.description('The manager of the flag; `locked`: others may not change it. Null: none'),
  ),
)
export const ProjectPath = v.object({ project: ProjectKey })
export const EnvironmentPath = v.object({ project: ProjectKey, environment: EnvironmentKey })
export const FlagPath = v.object({ project: ProjectKey, key: FlagKey })
export const DefinitionPath = v.object({ project: ProjectKey, environment: EnvironmentKey, key: FlagKey })

/** Documentation and a first check; flag/check/definition.ts checks the rest and names places in the rules by JSON pointers. */
export const Definition = v.looseObject({
  state: v.picklist(['ENABLED', 'DISABLED']),
  variants: v.pipe(v.record(v.string(), v.unknown()), v.description('Name → value; all values of one type')),
  defaultVariant: v.optional(
    v.pipe(v.nullable(v.string()), v.description('Null or absent: the default in the application’s code')),
  ),
  targeting: v.optional(
    v.pipe(v.unknown(), v.description('JSONLogic with flagd’s operators; evaluates to the name of a variant')),
  ),
  metadata: v.optional(metadata),
  flagstaff: v.optional(
    v.pipe(
      v.unknown(),
      v.description(
        'The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan',
      ),
    ),
  ),
})

export const Mistake = v.object({
  pointer: v.pipe(v.string(), v.description('JSON Pointer (RFC 6901)')),
  detail: v.string(),
})
const SegmentUser = v.object({
  key: v.pipe(v.string(), v.description('Key of a flag, name of a segment')),
  path: v.pipe(v.array(v.string()), v.description('The segments between, that of the user first; empty: direct')),
})
export const UsedBy = v.pipe(
  v.object({ count: v.number(), flags: v.array(SegmentUser), segments: v.array(SegmentUser) }),
  v.description('Who refers to the segment, directly or through other segments; `count` has all of them'),
)
/** RFC 9457. */
export const Problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  code: v.string(),
  detail: v.string(),
  errors: v.optional(v.array(Mistake)),
  usedBy: v.optional(v.pipe(UsedBy, v.description('Of the code `in_use`'))),
  traceId: v.string(),
})
