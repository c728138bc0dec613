import { Hono } from 'hono'
import { generateSpecs } from 'hono-openapi'
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

/** `/openapi.json`, made from the schemas that parse the requests of `api`, and `/docs`, a page to read it. */
export function openApi(api: Hono): Hono {
  let made: ReturnType<typeof generateSpecs> | undefined
  const specification = () => {
    made ??= generateSpecs(api, { documentation: DOCUMENTATION, defaultValidationErrorResponse: false })
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
