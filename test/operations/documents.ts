import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { parse } from 'yaml'

const FOLDER = join(import.meta.dirname, '../../docs/operations')
export const RULES = join(FOLDER, 'alerts.yaml')
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')

const Source = v.object({ type: v.literal('prometheus'), uid: v.literal(`\${datasource}`) })
const Target = v.object({
  datasource: Source,
  refId: v.string(),
  expr: v.pipe(v.string(), v.nonEmpty()),
  legendFormat: v.string(),
})
const Place = v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number() })
const common = { id: v.number(), title: v.pipe(v.string(), v.nonEmpty()), gridPos: Place }
const Panel = v.variant('type', [
  v.object({ ...common, type: v.literal('row') }),
  v.object({
    ...common,
    type: v.picklist(['stat', 'timeseries', 'table']),
    description: v.pipe(v.string(), v.nonEmpty()),
    datasource: Source,
    fieldConfig: v.object({ defaults: v.object({ unit: v.pipe(v.string(), v.nonEmpty()) }) }),
    targets: v.pipe(v.array(Target), v.nonEmpty()),
  }),
])
const Dashboard = v.object({
  uid: v.string(),
  id: v.null(),
  schemaVersion: v.pipe(v.number(), v.minValue(38)),
  panels: v.array(Panel),
  templating: v.object({ list: v.array(v.object({ name: v.string(), type: v.string(), query: v.unknown() })) }),
  annotations: v.object({ list: v.array(v.object({ name: v.string(), datasource: Source, expr: v.string() })) }),
})
const Rules = v.strictObject({
  groups: v.array(
    v.strictObject({
      name: v.string(),
      rules: v.array(
        v.strictObject({
          alert: v.pipe(v.string(), v.startsWith('Flagstaff')),
          expr: v.string(),
          for: v.pipe(v.string(), v.regex(/^[1-9]\d*m$/)),
          labels: v.strictObject({ severity: v.picklist(['critical', 'warning']) }),
          annotations: v.strictObject({
            summary: v.string(),
            description: v.string(),
            runbook_url: v.string(),
          }),
        }),
      ),
    }),
  ),
})

export const dashboard = v.parse(Dashboard, JSON.parse(read('dashboard.json')))
export const alerts = v.parse(Rules, parse(read('alerts.yaml'))).groups.flatMap(({ rules }) => rules)
export const trouble = read('trouble.md')
/** The headings of a page, as GitHub and Grafana link to them. */
export const anchors = [...trouble.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-'),
)

/** An expression of the dashboard as Grafana sends it, with all values selected. */
export const filledIn = (expr: string): string =>
  expr.replace(/\$(job|instance|environment)\b/g, '.*').replaceAll('$__rate_interval', '5m')

/** Every expression and its place. */
export const expressions = [
  ...dashboard.panels.flatMap((panel) =>
    panel.type === 'row'
      ? []
      : panel.targets.map(({ expr, legendFormat, refId }) => ({
          where: `panel "${panel.title}" ${refId}`,
          expr: filledIn(expr),
          legend: legendFormat,
        })),
  ),
  ...dashboard.annotations.list.map(({ name, expr }) => ({
    where: `annotation "${name}"`,
    expr: filledIn(expr),
    legend: '',
  })),
  ...alerts.map(({ alert, expr, annotations }) => ({
    where: `alert ${alert}`,
    expr,
    legend: `${annotations.summary} ${annotations.description}`,
  })),
]
