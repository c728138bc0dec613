import { html, raw } from 'hono/html'
import type { generateSpecs } from 'hono-openapi'

export type OpenApiDocument = Awaited<ReturnType<typeof generateSpecs>>
type PathItem = NonNullable<NonNullable<OpenApiDocument['paths']>[string]>
type OpenApiOperation = NonNullable<PathItem['get']>
type OperationEntry = { readonly method: string; readonly path: string; readonly operation: OpenApiOperation }

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733; background: #fff }
  code, pre { font: 14px/1.45 ui-monospace, monospace } pre { background: #f3f5f7; padding: .8rem; overflow: auto }
  details { border-top: 1px solid #d9dfe5; padding: .5rem 0 } summary { cursor: pointer }
  summary b { display: inline-block; width: 4.5rem } th { text-align: left; padding-right: 1rem; font-weight: 600 } td { padding-right: 1rem }
  @media (prefers-color-scheme: dark) { body { color: #dde4ea; background: #14191e } pre { background: #1f262d } details { border-color: #333c45 } }`

/** The OpenAPI document as one page that needs no script and loads nothing. */
export function page({ info, paths }: OpenApiDocument) {
  const operations = Object.entries(paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(
      ([method, operation]): OperationEntry => ({
        method: method.toUpperCase(),
        path,
        operation: operation as OpenApiOperation,
      }),
    ),
  )
  const sections = Map.groupBy(operations, ({ operation }) => operation.tags?.[0] ?? 'Other')
  return html`<!doctype html>
    <html lang="en">
      <head><meta charset="utf-8" /><meta name="viewport" content="width=device-width" /><title>${info.title}</title><style>${raw(STYLE)}</style></head>
      <body>
        <h1>${info.title}</h1>
        <p>${info.description}</p>
        <p>Send a key as <code>Authorization: Bearer &lt;key&gt;</code> or <code>X-API-Key: &lt;key&gt;</code>. The OpenAPI document: <a href="/openapi.json">openapi.json</a>.</p>
        ${[...sections].map(([tag, members]) => html`<h2>${tag}</h2>${members.map(operationSection)}`)}
      </body>
    </html>`
}

function operationSection({ method, path, operation }: OperationEntry) {
  return html`<details>
    <summary><b>${method}</b> <code>${path}</code> ${operation.summary}</summary>
    ${parameterTable(operation)} ${operation.requestBody ? html`<h4>Body</h4><pre>${json(operation.requestBody)}</pre>` : ''}
    ${Object.entries(operation.responses ?? {})
      .filter(([status]) => status !== 'default')
      .map(([status, response]) => html`<h4>${status}</h4><pre>${json(response)}</pre>`)}
  </details>`
}

function parameterTable({ parameters = [] }: OpenApiOperation) {
  if (parameters.length === 0) return ''
  const rows = parameters
    .filter((parameter) => 'name' in parameter)
    .map(({ name, in: place, required, description, schema = {} }) => {
      const text = description ?? ('description' in schema ? schema.description : '')
      return html`<tr><td><code>${name}</code></td><td>${place}${required ? '' : ', optional'}</td><td>${text}</td></tr>`
    })
  return html`<table>${rows}</table>`
}

const json = (value: unknown) => JSON.stringify(value, null, 2)
