import { Hono } from 'hono'
import { generateSpecs } from 'hono-openapi'
import { COMMENT_LENGTH_MAX } from '../../middleware/authentication.ts'
import { page } from './docs.ts'

const DOCUMENTATION = {
  info: {
    title: 'Flagstaff management API',
    version: '1',
    description:
      'Projects, environments, flags, their definitions, their history and the keys. Evaluation is the OpenFeature Remote Evaluation Protocol at /ofrep/v1.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  components: {
    securitySchemes: {
      bearer: { type: 'http' as const, scheme: 'bearer' },
      apiKey: { type: 'apiKey' as const, in: 'header', name: 'X-API-Key' },
    },
  },
  security: [{ bearer: [] }, { apiKey: [] }],
}

/** Each change takes a comment for its record, so it stands here once and not at each route. */
const COMMENT = {
  in: 'query' as const,
  name: 'comment',
  description: 'Why: stands in the record of the change',
  schema: { type: 'string' as const, maxLength: COMMENT_LENGTH_MAX },
}

type Specification = Awaited<ReturnType<typeof generateSpecs>>

function withComments(specification: Specification): Specification {
  for (const item of Object.values(specification.paths ?? {}))
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      const operation = item?.[method]
      if (operation) operation.parameters = [...(operation.parameters ?? []), COMMENT]
    }
  return specification
}

/** `/openapi.json`, made from the schemas that parse the requests of `api`, and `/docs`, a page to read it. */
export function openApi(api: Hono): Hono {
  let made: ReturnType<typeof generateSpecs> | undefined
  const specification = () => {
    made ??= generateSpecs(api, { documentation: DOCUMENTATION, defaultValidationErrorResponse: false }).then(
      withComments,
    )
    return made
  }
  return new Hono()
    .get('/openapi.json', async (c) => c.json(await specification()))
    .get('/docs', async (c) =>
      c.html(page(await specification()), 200, {
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
      }),
    )
}
