import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { VARIABLE_NAMES } from '../../src/config/config.ts'
import { HAS_PROMTOOL } from '../support/metrics.ts'
import { HAS_REDIS } from '../support/redis.ts'
import { evaluate, type Replicas, request, startReplicas } from '../support/replicas.ts'
import { alerts, anchors, dashboard, expressions, trouble } from './documents.ts'
import { groupingsIn, selectedIn } from './expression.ts'
import { expected, promtool } from './promtool.ts'

const panels = dashboard.panels.filter((panel) => panel.type !== 'row')
const SRC = join(import.meta.dirname, '../../src')
const code = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(SRC, file), 'utf8'))
  .join('\n')
/** Labels that Prometheus adds to each sample, and series that it creates itself. */
const ADDED = ['job', 'instance']
const OWN = [
  ['up', []],
  ['ALERTS', ['alertname', 'alertstate']],
] as const

test('each panel has a unique id, and none overlaps another', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
  )
  assert.equal(new Set(cells).size, cells.length)
  for (const { gridPos } of dashboard.panels) assert.ok(gridPos.x + gridPos.w <= 24)
})

test('the panels of a row have different titles, and their number is the expected one', () => {
  const titles = new Set<string>()
  for (const { type, title } of dashboard.panels) {
    if (type === 'row') titles.clear()
    assert.ok(!titles.has(title), title)
    titles.add(title)
  }
  assert.ok(panels.length > 40)
})

test('every variable that the dashboard uses is defined', () => {
  const known = new Set(dashboard.templating.list.map(({ name }) => name))
  const used = JSON.stringify(dashboard).matchAll(/\$\{?([a-z]\w*)/g)
  for (const [, name = ''] of used) assert.ok(known.has(name), name)
  assert.deepEqual([...known], ['datasource', 'job', 'instance', 'environment'])
})

for (const { alert, annotations } of alerts)
  test(`${alert} links to its section of the trouble page`, () => {
    const [page, anchor = ''] = annotations.runbook_url.split('#')
    assert.equal(page, 'trouble.md')
    assert.equal(anchor, alert.toLowerCase())
    assert.ok(anchors.includes(anchor), anchor)
  })

for (const { alert } of alerts)
  test(`the section of ${alert} says what it means, then what to look at and to do`, () => {
    const [, section = ''] = new RegExp(`^## ${alert}\n\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(trouble) ?? []
    assert.match(section, /^[^-\d#\n].{40,}/, 'a paragraph with its meaning')
    assert.match(section, /^(- |\d\. ).{40,}/m, 'a list of causes and steps')
  })

test('the trouble page has no section for an alert that does not exist, and links to none that is missing', () => {
  for (const [, name = ''] of trouble.matchAll(/^#+ (Flagstaff[A-Z]\w+)$/gm))
    assert.ok(
      alerts.some(({ alert }) => alert === name),
      name,
    )
  for (const [, anchor = ''] of trouble.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(anchors.includes(anchor), anchor)
})

test('the trouble page quotes log messages and errors that the code has', () => {
  const quoted = [...trouble.matchAll(/`"([^`]+)"`/g)].map(([, sentence = '']) => sentence)
  assert.ok(quoted.length > 20)
  for (const sentence of quoted) assert.ok(code.includes(`'${sentence}'`) || code.includes(`'${sentence}:`), sentence)
})

test('the trouble page names panels of the dashboard, and variables that are read', () => {
  const shown = [...dashboard.panels.map(({ title }) => title), ...dashboard.annotations.list.map(({ name }) => name)]
  const prose = trouble.replace(/```.*?```|`[^`]*`/gs, '')
  for (const [, title = ''] of prose.matchAll(/"([^"]+)"/g))
    assert.ok(shown.includes(title) || code.includes(`'${title}'`), title)
  for (const [, name = ''] of trouble.matchAll(/`((?:FLAGSTAFF|OTEL)_[A-Z_]+|[A-Z_]+_(?:URL|MS|SECONDS|MAX))`/g))
    assert.ok(VARIABLE_NAMES.includes(name), name)
})

test('Prometheus can read every expression', {
  skip: HAS_PROMTOOL ? false : 'there is no promtool on this machine',
}, async () => {
  const rules = expressions.map(({ expr }, index) => ({ record: `expression_${index}`, expr }))
  assert.equal(await promtool(['check', 'rules'], { groups: [{ name: 'all', rules }] }), '')
})

describe('the metrics of two real replicas', {
  skip: HAS_REDIS ? false : 'there is no redis-server on this machine',
}, () => {
  let replicas: Replicas
  let scrapes: string[]
  before(async () => {
    replicas = await startReplicas(['node', 'bun']) // each has series that the other lacks
    const { members, adminKey } = replicas
    for (const { address } of members) await work(address, adminKey)
    scrapes = await Promise.all(members.map(async ({ address }) => (await fetch(`${address}/metrics`)).text()))
  })
  after(() => replicas.close())

  test('every metric and every label that is queried exists', () => {
    const labels = labelsIn(scrapes)
    for (const [name, own] of OWN) labels.set(name, new Set([...own, 'environment']))
    const of = (metric: string, where: string) => {
      const found = labels.get(metric)
      assert.ok(found, `${where}: no metric ${metric}`)
      return new Set([...found, ...ADDED])
    }
    for (const [, name = ''] of trouble.matchAll(/`(\w+_(?:total|seconds|revision|source|work|streams))`/g))
      of(name, 'the trouble page')
    for (const { where, expr, legend } of expressions) {
      const selected = selectedIn(expr)
      assert.ok(selected.length > 0, where)
      for (const { metric, labels: asked } of selected)
        for (const label of asked) assert.ok(of(metric, where).has(label), `${where}: ${metric} has no ${label}`)
      const groupings = groupingsIn(expr)
      for (const { labels: asked, metrics } of groupings)
        for (const metric of metrics)
          for (const label of asked) assert.ok(of(metric, where).has(label), `${where}: ${metric} has no ${label}`)
      const kept = groupings[0]?.labels ?? [...of(selected[0]?.metric ?? '', where)]
      for (const [, label = ''] of legend.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g))
        assert.ok(kept.includes(label), `${where}: nothing is left of ${label}`)
    }
  })

  test('every panel has data', {
    skip: HAS_PROMTOOL ? false : 'there is no promtool on this machine',
  }, async () => {
    const { members } = replicas
    const input_series = scrapes.flatMap((text, index) => seriesOf(text, members[index]?.address ?? ''))
    // Without selectors: a healthy replica has no series of failures.
    const shown = expressions.filter(({ where }) => where.startsWith('panel'))
    const promql_expr_test = shown.map(({ expr }) =>
      expected(`clamp(count(${expr.replace(/\{[^}]*\}/g, '')}), 1, 1)`, 5, 1),
    )
    const tests = [{ interval: '1m', input_series, promql_expr_test }]
    assert.equal(await promtool(['test', 'rules'], { rule_files: [], evaluation_interval: '1m', tests }), '')
  })
})

/** Causes one sample of each metric that has none without events. */
async function work(address: string, key: string): Promise<void> {
  assert.equal(await evaluate(address, key), true)
  assert.equal(await evaluate(address, key, 'missing'), 404)
  const headers = { 'flagd-selector': 'flagSetId=p/e' }
  const call = { method: 'POST', path: '/flagd.evaluation.v1.Service/ResolveBoolean', body: { flagKey: 'a' }, headers }
  assert.equal((await request(address, key, call)).status, 200)
  const stream = await fetch(`${address}/ofrep/v1/sse/flagSetId%3Dp%2Fe`, {
    headers: { authorization: `Bearer ${key}` },
  })
  const reader = stream.body?.getReader()
  await reader?.read()
  await reader?.cancel()
  const isOver = async () => (await (await fetch(`${address}/metrics`)).text()).includes('streams_ended_total{')
  for (const deadline = performance.now() + 10_000; !(await isOver()); )
    assert.ok(performance.now() < deadline, 'the stream does not end')
}

const sampleLines = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

/** The labels of each sample's name. */
function labelsIn(scrapes: readonly string[]): Map<string, Set<string>> {
  const labels = new Map<string, Set<string>>()
  for (const line of scrapes.flatMap(sampleLines)) {
    const [, name = '', list = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    const known = labels.get(name) ?? new Set()
    for (const [, label = ''] of list.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label)
    labels.set(name, known)
  }
  return labels
}

/** A scrape as a series of ten minutes: counters grow by one each minute, gauges stay. */
function seriesOf(text: string, instance: string): { series: string; values: string }[] {
  const gauges = new Set([...text.matchAll(/^# TYPE (\w+) gauge$/gm)].map(([, name]) => name))
  return sampleLines(text).map((line) => {
    const [, name = '', list, value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const labels = [...(list === undefined ? [] : [list]), 'job="flagstaff"', `instance="${instance}"`].join(',')
    return { series: `${name}{${labels}}`, values: `${Number(value)}+${gauges.has(name) ? 0 : 1}x10` }
  })
}
