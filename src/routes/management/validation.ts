import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { HTTPException } from 'hono/http-exception'
import { describeRoute, resolver, validator } from 'hono-openapi'
import type { GenericSchema } from 'valibot'
import { isRecord } from '../../flag/definition.ts'
import { FlagError, type Mistake, pointerTo } from '../../flag/error.ts'
import type { ExpectedVersion } from '../../repository/postgres/changes.ts'
import { decode } from '../paths.ts'
import { Problem } from './schemas.ts'

type RouteDescription = {
  status?: 200 | 201 | 204
  /** Body of the request, where the handler parses it itself. */
  body?: GenericSchema
}

/** Describes routes in the OpenAPI document under `tag`. Without a schema of the response, the status is 204. */
export const describeUnder =
  (tag: string) =>
  (summary: string, response?: GenericSchema, { status = response ? 200 : 204, body }: RouteDescription = {}) => {
    const content = response && { content: { 'application/json': { schema: resolver(response) } } }
    const requestBody = body && { required: true, content: { 'application/json': { schema: resolver(body) } } }
    const failure = {
      description: 'A problem (RFC 9457)',
      content: { 'application/problem+json': { schema: resolver(Problem) } },
    }
    return describeRoute({
      summary,
      tags: [tag],
      ...(requestBody && { requestBody }),
      responses: { [status]: { description: summary, ...content }, default: failure },
    })
  }

/**
 * Rejects a URL whose path or query is not percent-encoded UTF-8, or contains NUL. Hono passes on undecodable parameters as they are, and
 * a NUL would be an error of the database: both are rejected before any parameter is read.
 */
export const wellFormedUrl = createMiddleware(async ({ req }, next) => {
  if (decode(req.url) === undefined)
    throw new FlagError('invalid', 'The path and the query must be percent-encoded UTF-8 without NUL')
  await next()
})

/** Rejects a body whose Content-Type is not JSON, before anything reads it: a web form cannot send that type to another origin. */
export const jsonOnly = createMiddleware(async (c, next) => {
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(c.req.method)
  if (hasBody && !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(c.req.header('content-type') ?? ''))
    throw new HTTPException(415, { message: 'Cannot read the body: Content-Type must be application/json' })
  await next()
})

const PARTS = { json: 'The body', query: 'The query', param: 'The path' } as const

/** Parses one part of the request. Throws `invalid` with a JSON pointer and the rule for each mistake. */
function parsed<Target extends 'json' | 'query' | 'param', Schema extends GenericSchema>(
  target: Target,
  schema: Schema,
) {
  return validator(target, schema, (result) => {
    if (result.success) return
    const mistakes = result.error.map((issue): Mistake => {
      const path = issue.path?.map((segment) => (typeof segment === 'object' ? segment.key : segment)) ?? []
      return { pointer: pointerTo(...path.map(String)), message: issue.message }
    })
    throw new FlagError('invalid', `${PARTS[target]} is invalid`, { mistakes })
  })
}

export const path = <Schema extends GenericSchema>(schema: Schema) => parsed('param', schema)
export const query = <Schema extends GenericSchema>(schema: Schema) => parsed('query', schema)
export const body = <Schema extends GenericSchema>(schema: Schema) => parsed('json', schema)

/** JSON with the text that it was parsed from: the text has the digits of numbers that a double cannot hold. */
export type JsonBody = { readonly value: unknown; readonly text: string }

/** The whole body, for handlers that check it themselves: schema libraries drop members such as "constructor" for safety. */
export async function readJson(c: Context): Promise<JsonBody> {
  const text = await c.req.text()
  try {
    return { value: JSON.parse(text), text }
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new FlagError('invalid', `The body is not JSON: ${cause.message}`)
  }
}

const REVISION_TAG = /"(\d{1,19})"/g

/**
 * Reads the preconditions If-Match and If-None-Match (RFC 9110 §13.1). Our ETags are quoted revisions. Other tags match nothing, and
 * neither do weak ones, because If-Match compares strongly.
 */
export function preconditionOf(c: Context): ExpectedVersion {
  if (c.req.header('if-none-match')?.trim() === '*') return 'absent'
  const header = c.req.header('if-match')
  if (header === undefined) return undefined
  if (header.trim() === '*') return 'present'
  return [...header.replaceAll(/W\/"[^"]*"/g, '').matchAll(REVISION_TAG)].map((match) => BigInt(match[1] ?? 0))
}

/** The response header `etag` for an object at a revision. */
export const etagOf = (revision: bigint): { readonly etag: string } => ({ etag: `"${revision}"` })

/**
 * Applies a JSON Merge Patch (RFC 7396) and returns the result; neither argument is changed. Members are defined, not
 * assigned, so that a patch that names "__proto__" adds a member and touches no prototype.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const merged = new Map(isRecord(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value))
  }
  return Object.fromEntries(merged)
}
