import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { readConfig } from '../../src/config/config.ts'
import { KNATIVE, ROOT } from '../deploy/deployments.ts'
import { containersOf, kustomize, type Manifest } from '../deploy/kustomize.ts'
import { type ApiServer, startApiServer } from '../support/kubernetes.ts'
import { builtOf, definitionsOf, missingOf } from './build.ts'
import { byName, DRY_RUN, nameOf, readObjects } from './objects.ts'

const CHART = join(KNATIVE, 'chart')
const MONITORING = 'github.com/prometheus-operator/prometheus-operator@v0.85.0'
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const SECRETS = { DATABASE_URL: 'postgres://db.example/flags', REDIS_URL: 'redis://redis.example' }
/** What Helm has beside the objects of kustomize: its hooks, and the release as a label. */
const HELM_ONLY = /^(helm\.sh\/.*|app\.kubernetes\.io\/instance)$/
const missing = missingOf(['helm', 'kube-apiserver', 'kubectl', 'crds'])
if (missing) process.stderr.write(`LEFT OUT: the Helm chart: ${missing}\n`)

/** Examples beside the default values, and what each renders. */
const OBJECTS = ['Deployment flagstaff', 'Job flagstaff-migrate', 'NetworkPolicy flagstaff', 'Service flagstaff']
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  small: OBJECTS,
  full: [
    'Deployment flags',
    'HorizontalPodAutoscaler flags',
    'Ingress flags',
    'Job flags-migrate',
    'NetworkPolicy flags',
    'PodDisruptionBudget flags',
    'Service flags',
    'Service flags-metrics',
    'ServiceMonitor flags',
  ],
}

describe('the Helm chart', { skip: missing ?? false }, () => {
  let server: ApiServer
  let home: string
  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'flagstaff-helm-'))
    server = await startApiServer()
    await server.applyDefinitions(join(definitionsOf(MONITORING), 'monitoring.coreos.com_servicemonitors.yaml'))
    await server.kubectl(['create', 'namespace', 'flagstaff'])
  })
  after(async () => {
    await server?.close()
    rmSync(home, { recursive: true })
  })

  const helm = async (...args: string[]): Promise<string> => {
    const built = builtOf('helm')
    if ('missing' in built) throw new Error(built.missing)
    const env = { HOME: home, PATH: process.env['PATH'] }
    return (await promisify(execFile)(join(built.output, 'helm'), args, { env, maxBuffer: 2 ** 24 })).stdout
  }
  const render = async (...args: string[]): Promise<Manifest[]> =>
    readObjects(await helm('template', 'flagstaff', CHART, '--namespace', 'flagstaff', ...args))
  const example = (name: string) => ['--values', join(CHART, 'examples', `${name}.yaml`)]

  test('renders with its own values the objects of overlays/kubernetes', async () => {
    const rendered = byName(await render()).map((one) => without(one, HELM_ONLY))
    assert.deepEqual(rendered, byName(kustomize(join(KNATIVE, 'overlays/kubernetes'))))
  })

  test('has the version of the service', () => {
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'))
    assert.deepEqual([chart.version, chart.appVersion], [version, version])
  })

  for (const [name, objects] of Object.entries(EXAMPLES)) {
    test(`with examples/${name}.yaml passes lint and renders ${objects.length} objects, which an API server accepts`, async () => {
      await helm('lint', '--strict', CHART, ...example(name))
      const rendered = await render(...example(name))
      assert.deepEqual(byName(rendered).map(nameOf), objects)
      const accepted = readObjects(await server.kubectl(DRY_RUN, rendered.map((one) => stringify(one)).join('---\n')))
      assert.deepEqual(byName(accepted).map(nameOf), objects)
    })

    test(`with examples/${name}.yaml has variables with which the service starts`, async () => {
      for (const { env } of containersOf(await render(...example(name)))) {
        const values = env.map(({ name, value }) => [name, value ?? SECRETS[name as keyof typeof SECRETS]])
        assert.equal(readConfig(Object.fromEntries(values)).mode, 'service')
      }
    })
  }

  test('its secret, Redis, metrics port and further variables are those of the values', async () => {
    const [small, full] = [await render(...example('small')), await render(...example('full'))].map(deployment)
    assert.deepEqual(small.spec.strategy, { type: 'Recreate' })
    assert.equal(small.spec.replicas, 1)
    const [lone] = small.spec.template.spec.containers
    const url = lone.env.find(({ name }: any) => name === 'DATABASE_URL').valueFrom.secretKeyRef
    assert.deepEqual(url, { name: 'flags-database', key: 'uri' })
    assert.ok(!lone.env.some(({ name }: any) => name === 'REDIS_URL'))
    const [one] = full.spec.template.spec.containers
    assert.equal(one.image, `registry.example.com/team/flagstaff:${version}-node`)
    assert.equal(one.ports.find(({ name }: any) => name === 'metrics').containerPort, 9_500)
    for (const [name, value] of Object.entries({ METRICS_PORT: '9500', REQUESTS_MAX: '500' }))
      assert.deepEqual(
        one.env.find((variable: any) => variable.name === name),
        { name, value },
      )
  })

  for (const [mistake, values, message] of [
    ['several replicas without Redis', ['redis.enabled=false'], /one replica only/],
    ['a misspelt value', ['autoscaling.enable=false'], /enable/],
    ['a port that is none', ['metrics.port=0'], /metrics.*port|minimum/s],
    ['an ingress without a host', ['ingress.enabled=true'], /hosts|minItems/],
    ['a variable that the chart sets', ['env.PORT=x'], /PORT/],
  ] as const)
    test(`refuses ${mistake}, and names it`, async () => {
      await assert.rejects(render(...values.flatMap((value) => ['--set', value])), message)
    })
})

const deployment = (all: readonly Manifest[]): any => all.find(({ kind }) => kind === 'Deployment')

/** A copy without the members of these names, and without the objects that are empty then. */
function without(value: any, names: RegExp): any {
  if (Array.isArray(value)) return value.map((one) => without(one, names))
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([name]) => !names.test(name))
  const members = kept.map(([name, member]) => [name, without(member, names)] as const)
  return Object.fromEntries(
    members.filter(([name]) => name !== 'annotations' || Object.keys(value[name]).some((key) => !names.test(key))),
  )
}
