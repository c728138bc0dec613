// Prints the types of the management API for the console, from its OpenAPI document: npm run generate:api writes them to src/console/api/gen/api.ts.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { type ManagementDependencies, management } from '../../src/routes/management/management.ts'

export const API_TYPES = join(import.meta.dirname, '../../src/console/api/gen/api.ts')

type Parameter = { in: 'path' | 'query'; name: string; required?: boolean; schema: JSONSchema }
type Body = { content?: Record<string, { schema: JSONSchema }> }
type Operation = { summary: string; parameters?: Parameter[]; requestBody?: Body; responses: Record<string, Body> }
type OpenApi = { paths: Record<string, Record<string, Operation>> }

/** The text of the types: one interface with a member for each operation, named like `GET /api/v1/projects/{project}`. */
export async function apiTypes(): Promise<string> {
  // The document is made from the schemas of the routes: no route is called, so nothing that they need is used.
  const api = management({} as ManagementDependencies)
  const { paths } = (await (await api.request('/openapi.json')).json()) as OpenApi
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, schemaOf(operation)] as const,
    ),
  )
  const types = await compile(objectOf(Object.fromEntries(operations)), 'Api', {
    additionalProperties: false,
    bannerComment:
      '/** Operations of the management API, generated from its OpenAPI document: npm run generate:api. */',
    style: { semi: false, singleQuote: true, printWidth: 120 },
  })
  return types
}

function schemaOf({ summary, parameters = [], requestBody, responses }: Operation): JSONSchema {
  const response = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
  const members: Record<string, JSONSchema> = {}
  for (const place of ['path', 'query'] as const) {
    const own = parameters.filter((parameter) => parameter.in === place)
    if (own.length > 0) members[place] = parametersOf(own)
  }
  if (requestBody) members['body'] = jsonOf(requestBody) ?? {}
  members['response'] = (response && jsonOf(response)) ?? { tsType: 'undefined' }
  return { ...objectOf(members), description: summary }
}

const parametersOf = (parameters: readonly Parameter[]): JSONSchema => ({
  ...objectOf(Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]))),
  required: parameters.filter(({ required }) => required).map(({ name }) => name),
})

const objectOf = (properties: Record<string, JSONSchema>): JSONSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})

const jsonOf = ({ content }: Body): JSONSchema | undefined => content?.['application/json']?.schema

if (process.argv[1] === import.meta.filename) writeFileSync(API_TYPES, await apiTypes())
