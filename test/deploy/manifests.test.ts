import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readConfig, VARIABLE_NAMES } from '../../src/config/config.ts'
import { openService } from '../support/service.ts'
import { check, fly, KNATIVE, manifests, ROOT, type Run, runs } from './deployments.ts'
import { kustomizations, kustomize } from './kustomize.ts'

const SECRETS: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://flagstaff:hush@db.example/flags',
  REDIS_URL: 'rediss://redis.example',
  FLAGSTAFF_ADMIN_KEY: 'a-secret-of-at-least-24-characters',
}
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const containerfile = readFileSync(join(ROOT, 'Containerfile'), 'utf8')
const stages = [...containerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage)
const serving = runs.filter(({ args }) => args.length === 0)

const service = await openService()
after(() => service.close())

/** The configuration that results from a deployment, with values for its secrets. */
function configOf({ env }: Run) {
  const filled = Object.entries(env).map(([name, value]) => [name, value ?? SECRETS[name]])
  return readConfig(Object.fromEntries(filled))
}

test('every folder with a kustomization can be built', () => {
  const folders = kustomizations(KNATIVE)
  assert.ok(folders.length >= 7)
  for (const folder of folders.filter((path) => !path.includes('components'))) assert.ok(kustomize(folder).length > 0)
})

for (const one of manifests) test(`${one.name} is accepted by its platform`, () => check(one))

for (const run of runs) {
  test(`${run.name}: each variable exists and has a valid value, and no secret is included`, () => {
    for (const [name, value] of Object.entries(run.env)) {
      assert.ok(VARIABLE_NAMES.includes(name), name)
      assert.equal(name in SECRETS, value === undefined, name)
    }
    assert.equal(configOf(run).mode, 'service')
  })
}

for (const run of serving) {
  test(`${run.name}: its ports are those of the listeners`, () => {
    const { port, grpcPort, metricsPort } = configOf(run)
    const listening = [port, grpcPort, metricsPort].filter((one) => one !== undefined)
    const named = run.ports.map((one) => one.port)
    assert.equal(named[0], port)
    for (const one of named) assert.ok(listening.includes(one), `nothing listens on ${one}`)
  })

  test(`${run.name}: metrics are not under the public address`, () => {
    const { metrics, metricsPort } = configOf(run)
    assert.ok(!metrics || metricsPort !== undefined)
  })

  test(`${run.name}: its probes are answered, and without a key`, async () => {
    assert.ok(run.paths.length > 0)
    for (const path of run.paths) {
      const { status, body } = await service.call('GET', path, { key: null })
      assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`)
    }
  })

  test(`${run.name}: it ends before SIGKILL, and its streams before the platform's time limit`, () => {
    const { drainSeconds, streams, streamSecondsMax, rpcStreamSecondsMax } = configOf(run)
    assert.ok(drainSeconds < run.endSeconds, `${drainSeconds} s of ${run.endSeconds} s`)
    if (streams) assert.ok(streamSecondsMax < run.requestSeconds)
    if (run.ports.some(({ name }) => name === 'h2c' || name === 'grpc'))
      assert.ok(rpcStreamSecondsMax < run.requestSeconds)
  })
}

test('in the example one service evaluates and scales to zero, another serves the event streams, and the first refers to it', () => {
  const configs = serving.filter(({ name }) => name.startsWith('example')).map(configOf)
  assert.deepEqual(
    configs.map(({ streams, streamOrigin }) => [streams, streamOrigin]),
    [
      [false, 'https://flagstaff-streams.flagstaff.example.com'],
      [true, undefined],
    ],
  )
})

test('every image is of this version, for Bun, or for Node where HTTP/1.1 and gRPC share a port', () => {
  for (const { name, image } of runs) {
    const runtime = name.startsWith('grpc: ') ? 'node' : 'bun'
    if (image !== undefined) assert.equal(image.split(':')[1], `${version}-${runtime}`, name)
  }
})

test('every deployment updates the schema by an existing command', () => {
  const commands = runs.filter(({ args }) => args.length > 0).map(({ args }) => args.join(' '))
  assert.deepEqual(commands, Array(4).fill('admin migrate'))
  assert.equal(fly.deploy.release_command, 'admin migrate')
})

test('Fly builds a stage of the Containerfile, whose last stage is the image for Bun', () => {
  assert.equal(fly.build.dockerfile, 'Containerfile')
  assert.ok(stages.includes(fly.build['build-target']))
  assert.equal(stages.at(-1), 'bun')
  for (const [, base = ''] of containerfile.matchAll(/^FROM (\S+)/gm))
    assert.ok(/^\$\{[A-Z_]+_BASE\}$/.test(base) || stages.includes(base), base)
})

/** Checks one of our Knative services with one mistake. */
function checkSpoilt(spoil: (container: any, pod: any) => void): void {
  for (const one of manifests.filter(({ name }) => name === 'example: Service flagstaff')) {
    const spoilt: { name: string; manifest: any } = structuredClone(one)
    const pod = spoilt.manifest.spec.template.spec
    spoil(pod.containers[0], pod)
    check(spoilt)
  }
}

for (const [mistake, spoil, place] of [
  ['a hook before the stop', (container) => (container.lifecycle = { preStop: {} }), /lifecycle/],
  ['a start-up probe', (container) => (container.startupProbe = container.livenessProbe), /startupProbe/],
  ['a slow readiness probe', (container) => (container.readinessProbe.periodSeconds = 1), /periodSeconds/],
  ['a port of Knative’s own', (container) => (container.ports[0].containerPort = 8013), /containerPort/],
  ['a second port', (container) => container.ports.push({ name: 'h2c', containerPort: 8081 }), /ports\.1/],
  ['a variable of Knative’s own', (container) => container.env.push({ name: 'PORT', value: '8080' }), /env/],
  ['a grace period', (_, pod) => (pod.terminationGracePeriodSeconds = 60), /terminationGracePeriodSeconds/],
  ['too little time to end in', (_, pod) => (pod.timeoutSeconds = 30), /timeoutSeconds/],
  [
    'a root file system to write to',
    (container) => (container.securityContext.readOnlyRootFilesystem = false),
    /readOnly/,
  ],
  ['a misspelt field', (container) => (container.resource = {}), /resource/],
] as const satisfies [string, (container: any, pod: any) => void, RegExp][])
  test(`a Knative service with ${mistake} is refused`, () => assert.throws(() => checkSpoilt(spoil), place))
