import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { KubeConfig } from '@kubernetes/client-node'
import * as v from 'valibot'
import { KubernetesApi } from '../../../src/operator/kubernetes/api.ts'
import { FINALIZER, FlagEnvironment } from '../../../src/operator/kubernetes/resources.ts'
import { Reconciler } from '../../../src/operator/reconcile.ts'
import { ServiceClient } from '../../../src/operator/service.ts'
import { ADMIN_KEY } from '../../support/service.ts'
import { type Refusal, startRefusingProxy } from './refusing-proxy.ts'
import { clusterAccess, isReady, kubeconfigOf, MISSING, off, on, startWorld, until, type World } from './world.ts'

/** Longer than the operator's own first waits together. */
const RETRY_AFTER_SECONDS = 4
const tooMany = (pattern: RegExp): Refusal => ({
  ...{ pattern, status: 429, times: 1 },
  headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
})
/** Whether the second request came no earlier than the server wanted; a timer may be a millisecond early. */
const hasWaited = ([first = 0, second = 0]: readonly number[]) => second - first >= RETRY_AFTER_SECONDS * 1_000 - 5

describe('the operator and servers that refuse', { skip: MISSING ?? false }, () => {
  let world: World
  let folder: string
  before(async () => {
    world = await startWorld()
    folder = mkdtempSync(join(tmpdir(), 'flagstaff-refused-'))
  })
  afterEach(() => world?.endOperators())
  after(async () => {
    await world?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('429 of the API server: lists, watches and status wait for Retry-After, and then go on', async () => {
    const space = await world.space('throttled')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod')
    const [list, watch, status] = [/featureflags\?limit/, /flagenvironments\?.*watch/, /^PATCH .*\/status\?/]
    const proxy = await startRefusingProxy(world.api.url, [list, watch, status].map(tooMany), world.api.caFile)
    try {
      const kubeconfig = join(folder, 'throttled')
      writeFileSync(kubeconfig, kubeconfigOf(world.api, proxy.url))
      const operator = await space.operator({ env: { KUBECONFIG: kubeconfig } })
      await space.status('prod', isReady)
      for (const pattern of [list, status]) assert.ok(hasWaited(proxy.timesOf(pattern)), `${pattern}`)
      await until(
        async () => proxy.timesOf(watch),
        (times) => times.length > 1,
      )
      assert.ok(hasWaited(proxy.timesOf(watch)), `${watch}`)
      await space.featureFlag('shop', { a: off })
      await until(space.flags, ({ a }) => a.defaultVariant === 'off')
      assert.match(operator.output(), /"reason":"Too many requests"/)
    } finally {
      await proxy.close()
    }
  })

  test('429 of Flagstaff: the resource waits for Retry-After, others do not', async () => {
    const space = await world.space('busy')
    await space.featureFlag('shop', { a: on })
    const apply = /^PUT .*managers\/kubernetes%3Abusy%2Fprod/
    const proxy = await startRefusingProxy(world.flagstaff.address, [tooMany(apply)])
    try {
      await space.operator({ env: { FLAGSTAFF_URL: proxy.url } })
      await space.environment('prod')
      await until(
        async () => proxy.timesOf(apply),
        (times) => times.length === 1,
      )
      await space.environment('other', { environment: 'test', featureFlags: { matchLabels: { none: 'x' } } })
      await space.status('other', isReady)
      assert.equal(proxy.timesOf(apply).length, 1)
      await space.status('prod', isReady)
      assert.ok(hasWaited(proxy.timesOf(apply)))
    } finally {
      await proxy.close()
    }
  })

  test('a deletion waits ten minutes for a service that cannot be reached, then ends with an Event, and the flags stay', async () => {
    const space = await world.space('unreached')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod', { prune: true })
    assert.equal((await space.once()).code, 0)
    await space.removeEnvironment('prod')
    const config = new KubeConfig()
    config.loadFromFile(world.kubeconfig)
    const reconcileAfter = async (ms: number) => {
      const resource = v.parse(FlagEnvironment, await space.read('prod'))
      const now = new Date(Date.parse(resource.metadata.deletionTimestamp ?? '') + ms)
      const reconciler = new Reconciler({
        api: new KubernetesApi(config),
        service: new ServiceClient({ url: 'http://127.0.0.1:1', key: 'none', keyFile: undefined }),
        featureFlags: () => [],
        now: () => now,
        signal: AbortSignal.timeout(30_000),
      })
      return (await reconciler.reconcile(resource)).result
    }
    assert.equal(await reconcileAfter(599_000), 'failed')
    assert.deepEqual((await space.read('prod')).metadata.finalizers, [FINALIZER])
    assert.equal(await reconcileAfter(600_000), 'deleted')
    assert.equal(await space.read('prod'), undefined)
    assert.deepEqual(await space.flags(), { a: on })
    const { items } = JSON.parse(await world.api.kubectl(['get', 'events', '-n', space.name, '-o', 'json']))
    assert.deepEqual(
      items.map(({ type, reason, involvedObject }: any) => [type, reason, involvedObject.name]),
      [['Warning', 'FlagsLeft', 'prod']],
    )
    assert.match(items[0].message, /^The flags are left as they are: Flagstaff cannot be reached/)
  })

  test('--all-namespaces needs a ClusterRole, and then works on each namespace by itself', async () => {
    const [one, two] = [await world.space('one'), await world.space('two')]
    for (const [space, flag] of [
      [one, on],
      [two, off],
    ] as const) {
      await space.featureFlag('shop', { a: flag })
      await space.environment('prod', { prune: true })
    }
    const operator = await one.operator({ env: { FLAGSTAFF_KEY: ADMIN_KEY }, args: ['--all-namespaces'] })
    await operator.says(/"message":"The watch failed; it starts again".*at the cluster scope/)
    assert.equal((await fetch(`${operator.address}/readyz`)).status, 503)
    await world.api.kubectl(['apply', '-f', '-'], clusterAccess())
    await one.status('prod', isReady)
    await two.status('prod', isReady)
    assert.deepEqual([await one.flags(), await two.flags()], [{ a: on }, { a: off }])
    await two.featureFlag('shop', { a: on })
    await until(two.flags, ({ a }) => a.defaultVariant === 'on')
    await two.removeEnvironment('prod')
    await until(two.flags, ({ a }) => a === undefined)
    assert.deepEqual(await one.flags(), { a: on })
  })
})
