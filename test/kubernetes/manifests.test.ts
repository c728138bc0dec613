import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { stringify } from 'yaml'
import { KNATIVE } from '../deploy/deployments.ts'
import { kustomizations, kustomize } from '../deploy/kustomize.ts'
import { type ApiServer, startApiServer } from '../support/kubernetes.ts'
import { definitionsOf, missingOf } from './build.ts'
import { byName, DRY_RUN, nameOf, readObjects } from './objects.ts'

const OPERATOR = 'github.com/open-feature/open-feature-operator@v0.9.2'
const folders = kustomizations(KNATIVE).filter((folder) => !folder.includes('components'))
const missing = missingOf(['kube-apiserver', 'kubectl', 'crds'])
if (missing) process.stderr.write(`LEFT OUT: manifests on a real API server: ${missing}\n`)

/** Starts an API server before the tests of this suite, with the definitions of a module. */
function withServer(module: string): () => ApiServer {
  let server: ApiServer
  before(async () => {
    server = await startApiServer()
    await server.applyDefinitions(definitionsOf(module))
    await server.kubectl(['create', 'namespace', 'flagstaff'])
  })
  after(() => server?.close())
  return () => server
}

for (const version of ['v0.42.2', 'v0.51.0'])
  describe(`an API server with the definitions of Knative Serving ${version}`, { skip: missing ?? false }, () => {
    const server = withServer(`knative.dev/serving@${version}`)

    for (const folder of folders)
      test(`accepts every object of ${relative(KNATIVE, folder)}, and knows each of its fields`, async () => {
        const built = await server().kubectl(['kustomize', folder])
        assert.deepEqual(
          byName(readObjects(built)),
          byName(kustomize(folder)),
          'kubectl builds what test/deploy checks',
        )
        const accepted = readObjects(await server().kubectl(DRY_RUN, built))
        assert.deepEqual(byName(accepted).map(nameOf), byName(kustomize(folder)).map(nameOf))
      })

    test('accepts the service of Cloud Run', async () => {
      const text = readFileSync(join(KNATIVE, 'cloud-run/service.yaml'), 'utf8')
      assert.deepEqual(readObjects(await server().kubectl(DRY_RUN, text)).map(nameOf), ['Service flagstaff'])
    })

    for (const [mistake, spoil, place] of [
      ['a misspelt field', (container) => (container.resource = {}), /resource/],
      ['an argument that is a number', (container) => (container.args = [1]), /args/],
    ] as const satisfies [string, (container: any) => void, RegExp][])
      test(`refuses ${mistake} in each object that has a container`, async () => {
        for (const manifest of kustomize(join(KNATIVE, 'overlays/example')) as any[]) {
          spoil(manifest.spec.template.spec.containers[0])
          await assert.rejects(server().kubectl(DRY_RUN, stringify(manifest)), place)
        }
      })
  })

describe('an API server with the definitions of the OpenFeature Operator', { skip: missing ?? false }, () => {
  const server = withServer(OPERATOR)
  const text = readFileSync(join(KNATIVE, 'openfeature-operator/source.yaml'), 'utf8')

  test('accepts Flagstaff as a source, and keeps each field', async () => {
    const accepted = readObjects(await server().kubectl(DRY_RUN, text)) as any[]
    assert.deepEqual(
      accepted.map(({ spec }) => spec.sources),
      readObjects(text).map(({ spec }: any) => spec.sources),
    )
  })

  test('refuses a source with an unknown field', async () => {
    await assert.rejects(server().kubectl(DRY_RUN, text.replace('interval:', 'intervall:')), /intervall/)
  })
})
