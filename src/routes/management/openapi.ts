import { Hono } from 'hono'
import { generateSpecs } from 'hono-openapi'
import { COMMENT_LENGTH_MAX } from '../../middleware/authentication.ts'
import { type OpenApiDocument, page } from './docs.ts'

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

/** A query parameter of every route that changes something. */
const COMMENT = {
  in: 'query' as const,
  name: 'comment',
  description: 'The reason, for the record of the change',
  schema: { type: 'string' as const, maxLength: COMMENT_LENGTH_MAX },
}

function withComments(document: OpenApiDocument): OpenApiDocument {
  for (const item of Object.values(document.paths ?? {}))
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      const operation = item?.[method]
      if (operation) operation.parameters = [...(operation.parameters ?? []), COMMENT]
    }
  return document
}

/** `/openapi.json`, generated from the schemas that parse the requests of `api`, and `/docs`, a page to read it. */
export function openApi(api: Hono): Hono {
  let generated: Promise<OpenApiDocument> | undefined
  const generate = async () =>
    withComments(await generateSpecs(api, { documentation: DOCUMENTATION, defaultValidationErrorResponse: false }))
  const document = () => {
    generated ??= generate()
    return generated
  }
  return new Hono()
    .get('/openapi.json', async (c) => c.json(await document()))
    .get('/docs', async (c) =>
      c.html(page(await document()), 200, {
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
      }),
    )
}
