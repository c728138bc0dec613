import * as v from 'valibot'
import { isText } from '../../flag/definition.ts'
import { instantOf } from './instant.ts'

// What the schemas of the management API have in common. Their descriptions are documentation: the OpenAPI document is made from them.

export const text = (max: number) =>
  v.pipe(v.string(), v.maxLength(max), v.check(isText, 'must be well-formed text without NUL'))
export const slug = (what: string) =>
  v.pipe(
    v.string(),
    v.regex(/^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/, 'must be 1 to 64 of a-z, 0-9 and "-", with no "-" at the ends'),
    v.description(what),
  )
/** A point in time in an answer. */
export const instant = (what: string) => v.pipe(v.string(), v.isoTimestamp(), v.description(what))
/** A point in time in a request, parsed. */
export const time = v.pipe(
  v.string(),
  v.isoTimestamp(),
  v.check((value) => instantOf(value) !== undefined, 'must be a time that exists, in the years 1 to 9999 (UTC)'),
  v.transform((value) => instantOf(value) ?? new Date(Number.NaN)),
)
export const lastEvaluatedAt = v.pipe(
  v.nullable(v.string()),
  v.description('Last evaluation, told up to some minutes late; null: none. Of all environments where none is named'),
)
export const revision = v.pipe(v.number(), v.integer(), v.description('Counts the changes of its environment'))
export const version = v.pipe(v.number(), v.integer(), v.description('Counts the changes of this object; its ETag'))
export const metadata = v.pipe(
  v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])),
  v.description('Facts handed to the application with each answer'),
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
export const Flag256 = v.pipe(
  text(256),
  v.minLength(1),
  v.check((key) => !['.', '..', '__proto__'].includes(key), 'must not be ".", ".." or "__proto__"'),
  v.description('Key of a flag, unique in its project'),
)

export const ProjectKey = slug('Key of a project')
export const EnvironmentKey = slug('Key of an environment')
export const ProjectPath = v.object({ project: ProjectKey })
export const EnvironmentPath = v.object({ project: ProjectKey, environment: EnvironmentKey })
export const FlagPath = v.object({ project: ProjectKey, key: Flag256 })
export const DefinitionPath = v.object({ project: ProjectKey, environment: EnvironmentKey, key: Flag256 })
export const Page = v.object({
  limit: Limit,
  after: v.optional(v.pipe(text(256), v.description('Key to continue after: `next` of the page before')), ''),
})

export const Mistake = v.object({
  pointer: v.pipe(v.string(), v.description('JSON Pointer (RFC 6901)')),
  detail: v.string(),
})
/** RFC 9457. */
export const Problem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  code: v.string(),
  detail: v.string(),
  errors: v.optional(v.array(Mistake)),
  traceId: v.string(),
})
export const pageOf = <T extends v.GenericSchema>(items: T) =>
  v.object({
    items: v.array(items),
    next: v.pipe(v.nullable(v.string()), v.description('Where the next page starts; null at the end')),
  })
