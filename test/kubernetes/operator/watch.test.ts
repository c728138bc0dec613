import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startProxy } from '../../support/proxy.ts'
import { isReady, MISSING, off, on, type Running, startWorld, until, type World } from './world.ts'

describe('the watches of the operator', { skip: MISSING ?? false }, () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  afterEach(() => world?.endOperators())
  after(() => world?.close())

  const metric = async ({ address }: Running, pattern: RegExp): Promise<number> =>
    Number(pattern.exec(await (await fetch(`${address}/metrics`)).text())?.[1] ?? Number.NaN)

  test('go on after the API server was restarted, also where their version has expired meanwhile', async () => {
    const space = await world.space('restart')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod')
    const operator = await space.operator({ env: { LOG_LEVEL: 'debug' } })
    await space.status('prod', isReady)
    // The operator stands still while others write and the server forgets its history.
    operator.child.kill('SIGSTOP')
    await space.featureFlag('shop', { a: off })
    await space.featureFlag('more', { b: on })
    await world.api.restart()
    await space.featureFlag('more', { b: on, c: on })
    operator.child.kill('SIGCONT')
    await until(space.flags, ({ a, c }) => a.defaultVariant === 'off' && c !== undefined)
    await space.removeFeatureFlag('more')
    await space.featureFlag('last', { d: on })
    await until(space.flags, ({ d }) => d !== undefined)
    await space.status('prod', isReady)
    assert.ok((await metric(operator, /watch_restarts_total\{reason="expired"\} (\d+)/)) >= 1, operator.output())
    assert.equal((await fetch(`${operator.address}/livez`)).status, 200)
  })

  test('500 FeatureFlags that appear and change at once arrive, change and go', async () => {
    const space = await world.space('many')
    const apply = (definition: object) =>
      world.api.kubectl(
        ['apply', '--server-side', '-n', space.name, '-f', '-'],
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'List',
          items: Array.from({ length: 500 }, (_, index) => ({
            apiVersion: 'core.openfeature.dev/v1beta1',
            kind: 'FeatureFlag',
            metadata: { name: `flag-${index}` },
            spec: { flagSpec: { flags: { [`flag-${index}`]: definition } } },
          })),
        }),
      )
    await space.environment('prod', { prune: true })
    const operator = await space.operator({ env: { LOG_LEVEL: 'debug' } })
    await apply(on)
    await space.status('prod', ({ flags }) => flags?.applied === 500)
    await apply(off)
    await until(space.flags, (flags) => Object.values<any>(flags).every((flag) => flag.defaultVariant === 'off'))
    await world.api.kubectl(['delete', 'featureflags', '--all', '--wait=false', '-n', space.name])
    await until(space.flags, (flags) => Object.keys(flags).length === 0)
    await until(
      () => metric(operator, /managed_flags (\d+)/),
      (count) => count === 0,
    )
  })

  test('--once applies everything and exits: with 1 if something is refused', async () => {
    const space = await world.space('once')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod', { prune: true })
    const first = await space.once()
    assert.equal(first.code, 0, first.output)
    assert.ok(isReady((await space.read('prod')).status))
    await space.featureFlag('shop', { a: { ...on, targeting: { nope: [1] } } })
    const second = await space.once()
    assert.equal(second.code, 1, second.output)
    await space.removeEnvironment('prod')
    const third = await space.once()
    assert.equal(third.code, 0, third.output)
    assert.deepEqual([await space.read('prod'), await space.flags()], [undefined, {}])
    const nowhere = await space.once({ FLAGSTAFF_URL: 'http://127.0.0.1:1' })
    assert.equal(nowhere.code, 0, 'there is no FlagEnvironment')
  })

  test('--once works on each resource alone, and tries again what fails', async () => {
    const space = await world.space('tries')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod')
    const proxy = await startProxy({ host: '127.0.0.1', port: Number(new URL(world.flagstaff.address).port) })
    const env = { FLAGSTAFF_URL: `http://127.0.0.1:${proxy.port}` }
    try {
      proxy.set({ delayMs: 1_000 })
      const slow = await space.once(env)
      assert.deepEqual([slow.code, proxy.connections()], [0, 1], slow.output)
      proxy.set('refused')
      const running = space.once(env)
      await until(
        async () => proxy.connections(),
        (count) => count > 1,
      )
      proxy.set('open')
      const { code, output } = await running
      assert.equal(code, 0, output)
    } finally {
      await proxy.close()
    }
  })

  test('SIGTERM ends it with 0 in time, and what was begun is finished', async () => {
    const space = await world.space('stop')
    await space.environment('prod')
    const operator = await space.operator({ env: { LOG_LEVEL: 'debug' } })
    await space.status('prod', isReady)
    await space.featureFlag('shop', { a: on })
    operator.child.kill('SIGTERM')
    assert.deepEqual(await operator.ended, { code: 0, signal: null })
    assert.doesNotMatch(operator.output(), /Gave up waiting/)
    for (const line of operator.output().trim().split('\n')) assert.ok(JSON.parse(line).message, line)
    await space.operator({ env: { LOG_LEVEL: 'debug' } })
    await until(space.flags, ({ a }) => a !== undefined)
  })

  test('a service that cannot be reached is tried again, and the status says so', async () => {
    const space = await world.space('again')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod')
    const operator = await space.operator({ env: { FLAGSTAFF_URL: 'http://127.0.0.1:1' } })
    const status = await space.status('prod', ({ conditions }) => conditions?.length > 0)
    assert.equal(status.conditions.find(({ type }: any) => type === 'Synced').reason, 'Unreachable')
    assert.ok(
      (await until(
        () => metric(operator, /reconcile_total\{result="failed"\} (\d+)/),
        (count) => count >= 2,
      )) >= 2,
    )
    assert.equal((await fetch(`${operator.address}/readyz`)).status, 200)
  })
})
