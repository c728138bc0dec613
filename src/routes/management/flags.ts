import { Hono } from 'hono'
import * as v from 'valibot'
import type { Authenticate } from '../../cache/authenticator.ts'
import { checkJson } from '../../flag/check/json.ts'
import { checkValueSchema, type ValueSchema } from '../../flag/check/value-schema.ts'
import { isRecord } from '../../flag/definition.ts'
import { FlagError } from '../../flag/error.ts'
import { FLAG_KINDS } from '../../flag/stale/thresholds.ts'
import { authorize, authorOf } from '../../middleware/authentication.ts'
import type { Database } from '../../repository/postgres/database.ts'
import * as flags from '../../repository/postgres/flags.ts'
import type { RefreshFlags } from './environments.ts'
import {
  booleanText,
  EnvironmentKey,
  FlagKey,
  FlagPath,
  instant,
  lastEvaluatedAt,
  nextKey,
  Page,
  ProjectPath,
  pageOf,
  text,
  time,
  version,
} from './schemas.ts'
import { body, describeUnder, etagOf, path, preconditionOf, query } from './validation.ts'

const describe = describeUnder('Flags')

const Tags = v.pipe(v.array(v.pipe(text(100), v.minLength(1))), v.maxLength(50))
const valueSchema = v.pipe(
  v.nullable(v.unknown()),
  v.description(
    'JSON Schema that the values of all variants match, checked with each save; null: none. Keywords without bounded time, such as `pattern`, are refused',
  ),
)
const FlagType = v.picklist(['boolean', 'string', 'number', 'object'])
const kind = v.pipe(v.picklist(FLAG_KINDS), v.description('What it is for; decides how long it may live (release)'))
const Lifetime = {
  kind,
  expiresAt: v.nullable(instant('When its lifetime ends; null: after that of its kind')),
  staleDismissedUntil: v.nullable(instant('Until then it is not listed as stale')),
  staleDismissedReason: v.string(),
}
const Flag = v.object({
  key: FlagKey,
  type: FlagType,
  description: v.string(),
  owner: v.string(),
  tags: v.array(v.string()),
  permanent: v.pipe(v.boolean(), v.description('False: a flag that is to be removed one day')),
  valueSchema,
  ...Lifetime,
  archived: v.boolean(),
  archivedEvaluations: v.pipe(
    v.number(),
    v.description('Evaluations since it was archived, which answered FLAG_NOT_FOUND'),
  ),
  lastEvaluatedAt,
  version,
  createdAt: instant('Creation'),
})
const ReadFlag = v.object({
  ...Flag.entries,
  neededBy: v.pipe(
    v.array(v.object({ environment: EnvironmentKey, flag: FlagKey })),
    v.description('Flags whose prerequisite it is, at most 1000'),
  ),
})
const NewFlag = v.strictObject({
  key: FlagKey,
  type: FlagType,
  description: v.optional(text(2000), ''),
  owner: v.optional(text(200), ''),
  tags: v.optional(Tags, []),
  permanent: v.optional(v.boolean(), false),
  valueSchema: v.optional(valueSchema),
  kind: v.optional(kind, 'release'),
  expiresAt: v.optional(v.nullable(time), null),
})
const FlagPatch = v.strictObject({
  description: v.optional(text(2000)),
  owner: v.optional(text(200)),
  tags: v.optional(Tags),
  permanent: v.optional(v.boolean()),
  valueSchema: v.optional(valueSchema),
  kind: v.optional(kind),
  expiresAt: v.optional(v.nullable(time)),
  staleDismissedUntil: v.optional(v.nullable(time)),
  staleDismissedReason: v.optional(text(1_000)),
  archived: v.optional(v.boolean()),
})
const FlagQuery = v.object({ ...Page.entries, archived: v.optional(booleanText), tag: v.optional(text(100)) })

/** `/api/v1/projects/:project/flags`: what a flag has in common in all environments. */
export function flagRoutes(database: Database, authenticate: Authenticate, refresh: RefreshFlags): Hono {
  const viewer = authorize(authenticate, 'viewer')
  const editor = authorize(authenticate, 'editor')
  return new Hono()
    .get(
      '/',
      describe('List the flags of a project', pageOf(Flag)),
      viewer,
      path(ProjectPath),
      query(FlagQuery),
      async (c) => {
        const filter = c.req.valid('query')
        const rows = await flags.listFlags(database, c.req.valid('param').project, filter)
        return c.json({ items: rows.map(toJson), next: nextKey(rows, filter.limit) })
      },
    )
    .post(
      '/',
      describe('Create a flag', Flag, { status: 201 }),
      editor,
      path(ProjectPath),
      body(NewFlag),
      async (c) => {
        const { project } = c.req.valid('param')
        const { valueSchema, ...rest } = c.req.valid('json')
        const flag = { ...rest, valueSchema: schemaIn(valueSchema) ?? null }
        const row = await flags.createFlag(database, project, { flag, author: authorOf(c) })
        const location = `/api/v1/projects/${project}/flags/${encodeURIComponent(row.key)}`
        return c.json(toJson(row), 201, { ...etagOf(row.version), location })
      },
    )
    .get('/:key', describe('Read a flag', ReadFlag), viewer, path(FlagPath), async (c) => {
      const { project, key } = c.req.valid('param')
      const row = await flags.readFlag(database, project, key)
      return c.json(toJson(row), 200, etagOf(row.version))
    })
    .patch(
      '/:key',
      describe('Change the properties of a flag; archive or restore it', Flag),
      editor,
      path(FlagPath),
      body(FlagPatch),
      async (c) => {
        const { project, key } = c.req.valid('param')
        const { archived, valueSchema, ...others } = c.req.valid('json')
        const text = { ...others, valueSchema: schemaIn(valueSchema) }
        const change = { text, archived, expected: preconditionOf(c), author: authorOf(c) }
        const row = await flags.updateFlag(database, project, key, change)
        if (archived !== undefined) await refresh(`${project}/`)
        return c.json(toJson(row), 200, etagOf(row.version))
      },
    )
}

/** The schema in a body as it was sent; undefined if the body has none. Throws `invalid`. */
function schemaIn(schema: unknown): ValueSchema | null | undefined {
  if (schema === undefined || schema === null) return schema
  const mistakes = checkJson(schema, { pointer: '/valueSchema', depth: 1 })
  if (mistakes.length === 0) mistakes.push(...checkValueSchema(schema, '/valueSchema').mistakes)
  if (isRecord(schema) && mistakes.length === 0) return schema
  if (mistakes.length === 0) mistakes.push({ pointer: '/valueSchema', message: 'must be a JSON Schema object or null' })
  throw new FlagError('invalid', 'The JSON Schema is invalid', { mistakes })
}

const toJson = <T extends flags.ListedFlag>({ id: _, projectId: __, archivedAt, version, ...flag }: T) => ({
  ...flag,
  archived: archivedAt !== null,
  version: Number(version),
})
