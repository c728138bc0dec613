import type { Context, MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { HTTPException } from 'hono/http-exception'
import { describeRoute, resolver, validator } from 'hono-openapi'
import type { GenericSchema } from 'valibot'
import { FlagError, type Mistake, pointerTo } from '../../flag/error.ts'
import { decode } from '../paths.ts'
import { Problem } from './schema-parts.ts'

type Documented = {
  summary: string
  tag: string
  /** What a success answers; nothing for 204. */
  answer?: GenericSchema
  status?: 200 | 201 | 204
  /** Documentation of a body that the handler reads itself. */
  body?: GenericSchema
}

/** Describes a route for the OpenAPI document. */
export function documented({ summary, tag, answer, status = 200, body }: Documented): MiddlewareHandler {
  const content = answer && { content: { 'application/json': { schema: resolver(answer) } } }
  const failure = {
    description: 'A problem (RFC 9457)',
    content: { 'application/problem+json': { schema: resolver(Problem) } },
  }
  return describeRoute({
    summary,
    tags: [tag],
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: resolver(body) } } } }),
    responses: { [status]: { description: summary, ...content }, default: failure },
  })
}

/**
 * Refuses an address whose path or query is not percent-encoded UTF-8, or has a NUL. Hono leaves what it cannot decode as it is, and a
 * NUL in a parameter would be an error of the database; here both are found before any parameter is read.
 */
export const wellFormedAddress = createMiddleware(async ({ req }, next) => {
  if (decode(req.url) === undefined)
    throw new FlagError('invalid', 'The path and the query must be percent-encoded UTF-8 without NUL')
  await next()
})

const PLACE = { json: 'The body', query: 'The query', param: 'The path' } as const

/** Parses one part of the request; a mistake is refused with its place and what is wanted. */
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
    throw new FlagError('invalid', `${PLACE[target]} is not what it should be`, { mistakes })
  })
}

export const path = <Schema extends GenericSchema>(schema: Schema) => parsed('param', schema)
export const query = <Schema extends GenericSchema>(schema: Schema) => parsed('query', schema)
export const body = <Schema extends GenericSchema>(schema: Schema) => parsed('json', schema)

/** JSON with the text that it was parsed from, which has the digits of numbers that are beyond a double. */
export type SentJson = { readonly value: unknown; readonly text: string }

/** The body as it came, for a reader that checks it whole: schema libraries drop members such as "constructor" for safety. */
export async function jsonBody(c: Context): Promise<SentJson> {
  const text = await c.req.text()
  try {
    return { value: JSON.parse(text), text }
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new FlagError('invalid', `The body is not JSON: ${cause.message}`)
  }
}

/** Refuses a body that does not say that it is JSON, before anything reads it: a web form can send no such type. */
export const jsonOnly = createMiddleware(async (c, next) => {
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(c.req.method)
  if (hasBody && !/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(c.req.header('content-type') ?? ''))
    throw new HTTPException(415, { message: 'Cannot read the body: Content-Type must be application/json' })
  await next()
})
