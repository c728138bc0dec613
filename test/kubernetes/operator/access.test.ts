import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { KNATIVE } from '../../deploy/deployments.ts'
import { kustomize } from '../../deploy/kustomize.ts'
import { definitionsOf } from '../build.ts'
import { isReady, MISSING, on, startWorld, type World } from './world.ts'

describe('the access of the operator', { skip: MISSING ?? false }, () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  after(() => world?.close())

  /** Whether the user of the operator may do something, as the API server decides it. */
  const may = async (args: readonly string[]): Promise<boolean> => {
    const answer = await world.api
      .kubectl(['auth', 'can-i', ...args, '--as=operator'])
      .catch((error) => `${error.message} no`)
    return answer.trim() === 'yes'
  }

  test('is enough for its work, and refuses everything else', async () => {
    const space = await world.space('access')
    await world.api.kubectl(['create', 'namespace', 'other'])
    for (const [verb, resource] of [
      ['list', 'featureflags'],
      ['watch', 'featureflags'],
      ['patch', 'flagenvironments'],
      ['create', 'events'],
    ] as const)
      assert.ok(await may([verb, resource, '-n', space.name]), `${verb} ${resource}`)
    assert.ok(await may(['patch', 'flagenvironments', '--subresource=status', '-n', space.name]))
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['list', 'pods'],
      ['create', 'pods'],
      ['get', 'configmaps'],
      ['patch', 'featureflags'],
      ['delete', 'featureflags'],
      ['create', 'featureflags'],
      ['delete', 'flagenvironments'],
      ['create', 'flagenvironments'],
      ['create', 'rolebindings'],
      ['update', 'clusterrolebindings'],
      ['list', 'events'],
    ] as const)
      assert.ok(!(await may([verb, resource, '-n', space.name])), `${verb} ${resource}`)
    for (const resource of ['featureflags', 'flagenvironments'])
      assert.ok(!(await may(['list', resource, '-n', 'other'])), `${resource} of another namespace`)
    const token = { authorization: `Bearer ${world.api.tokens['operator']}` }
    const { request } = await import('node:https')
    const ca = readFileSync(world.api.caFile)
    const statusOf = (path: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
      request(`${world.api.url}${path}`, { ca, headers: token }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end()
      return promise
    }
    assert.equal(await statusOf(`/api/v1/namespaces/${space.name}/secrets`), 403)
    assert.equal(await statusOf('/apis/core.openfeature.dev/v1beta1/featureflags'), 403)
    await space.featureFlag('shop', { a: on })
    await space.environment('prod', { prune: true })
    const { code, output } = await space.once()
    assert.equal(code, 0, output)
    assert.ok(isReady((await space.read('prod')).status))
  })

  test('without rights the operator says so, is not ready, and does not end', async () => {
    const space = await world.space('rights')
    const operator = await space.operator({ env: { OPERATOR_NAMESPACE: 'default' } })
    try {
      await operator.says(/"message":"The watch failed; it starts again".*forbidden/)
      assert.equal((await fetch(`${operator.address}/readyz`)).status, 503)
    } finally {
      operator.child.kill('SIGTERM')
    }
    assert.equal((await operator.ended).code, 0)
  })

  test('the API server accepts our manifests, and the copy of OFO’s definition is that of its module', async () => {
    await world.api.kubectl(['create', 'namespace', 'installed'])
    const manifests = kustomize(join(KNATIVE, 'operator'))
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests })
    await world.api.kubectl(['apply', '--dry-run=server', '--validate=strict', '-n', 'installed', '-f', '-'], list)
    const copy = readFileSync(join(KNATIVE, 'operator/crds/featureflags.yaml'), 'utf8')
    const [, version] = /open-feature-operator, (v[\d.]+),/.exec(copy) ?? []
    const module = definitionsOf(`github.com/open-feature/open-feature-operator@${version}`)
    const original = readFileSync(join(module, 'core.openfeature.dev_featureflags.yaml'), 'utf8')
    assert.deepEqual(parse(copy), parse(original))
    const deployment: any = manifests.find(({ kind }) => kind === 'Deployment')
    assert.equal(deployment.spec.strategy.type, 'Recreate')
    for (const object of manifests)
      assert.ok(!object.kind.startsWith('Cluster'), `${object.kind} is for the whole cluster`)
  })
})
