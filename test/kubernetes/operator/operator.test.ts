import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { kill } from '../../support/process.ts'
import { ADMIN_KEY } from '../../support/service.ts'
import { conditionOf, isReady, MISSING, off, on, type Space, startWorld, until, type World } from './world.ts'

describe('the operator', { skip: MISSING ?? false }, () => {
  let world: World
  before(async () => {
    world = await startWorld()
  })
  afterEach(() => world?.endOperators())
  after(() => world?.close())

  const changeCount = async (space: Space) =>
    (await space.call('GET', `/api/v1/changes?project=${space.name}&limit=1000`)).body.items.length

  test('makes flags of FeatureFlags, changes and removes them, and writes nothing without a difference', async () => {
    const space = await world.space('life')
    const staff = { ends_with: [{ var: 'email' }, '@example.com'] }
    const rule = { if: [{ $ref: 'staff' }, 'off', null] }
    await space.featureFlag(
      'shop',
      { a: { ...on, targeting: rule }, b: on },
      { $evaluators: { staff }, metadata: { team: 'shop' } },
    )
    await space.environment('prod', { prune: true })
    await space.operator()
    const first = await space.status('prod', isReady)
    assert.deepEqual([first.flags, first.refused ?? []], [{ applied: 2, refused: 0 }, []])
    const stored = (await space.call('GET', '/flagset?portable=false')).body
    assert.deepEqual(
      [stored.flags, stored.$evaluators, stored.metadata],
      [{ a: { ...on, targeting: rule }, b: on }, { staff }, { team: 'shop' }],
    )
    const changes = await changeCount(space)
    await space.patchEnvironment('prod', { metadata: { annotations: { touched: 'yes' } }, spec: { featureFlags: {} } })
    await world.api.kubectl(['label', 'featureflag', 'shop', '-n', space.name, 'app=shop'])
    await space.featureFlag('more', { c: on })
    const second = await space.status('prod', ({ flags }) => flags?.applied === 3)
    assert.equal(await changeCount(space), changes + 2, 'the new flag and its definition, and nothing for the touches')
    assert.equal(second.revision, first.revision + 1)
    const { body } = await space.call('GET', `/api/v1/changes?project=${space.name}&limit=1`)
    assert.match(body.items[0].comment, /^operator life\/prod@\d+$/)
    await space.featureFlag('more', { c: off })
    await until(space.flags, ({ c }) => c?.defaultVariant === 'off')
    await space.removeFeatureFlag('more')
    await until(space.flags, ({ c }) => c === undefined)
    assert.equal((await space.call('GET', `/api/v1/projects/${space.name}/flags/c`)).body.archived, true)
  })

  test('refuses a flag that two FeatureFlags have, names both, and leaves the stored one as it is', async () => {
    const space = await world.space('twice')
    await space.featureFlag('one', { a: on, same: on })
    await space.environment('prod', { prune: true })
    await space.operator()
    await space.status('prod', isReady)
    await space.featureFlag('two', { same: off, b: on })
    const status = await space.status('prod', ({ flags }) => flags?.refused === 1)
    assert.deepEqual(status.refused, [
      { featureFlag: 'one', pointer: '/flags/same', message: 'It is also in FeatureFlag "two"' },
      { featureFlag: 'two', pointer: '/flags/same', message: 'It is also in FeatureFlag "one"' },
    ])
    assert.equal(conditionOf(status, 'Ready').reason, 'Refused')
    assert.deepEqual(await space.flags(), { a: on, same: on, b: on })
    await space.featureFlag('two', { b: on })
    await space.status('prod', isReady)
  })

  test('shows a wrong rule in the status, with its place, and applies the other flags', async () => {
    const space = await world.space('wrong')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod', { prune: true })
    await space.operator()
    await space.status('prod', isReady)
    const rule = { if: [{ sem_ver: [{ var: 'version' }, '1.0.0'] }, 'on', { $ref: 'gone' }] }
    await space.featureFlag('shop', { a: { ...off, targeting: rule }, b: on })
    const status = await space.status('prod', ({ flags }) => flags?.refused === 1)
    assert.deepEqual(status.flags, { applied: 1, refused: 1 })
    for (const { featureFlag, pointer } of status.refused) {
      assert.equal(featureFlag, 'shop')
      assert.match(pointer, /^\/flags\/a\/targeting\/if\//)
    }
    assert.deepEqual(await space.flags(), { a: on, b: on }, 'the last good definition stays')
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`wrong-${index}`, { ...on, targeting: rule }]),
    )
    await space.featureFlag('shop', { b: on, ...many })
    const full = await space.status('prod', ({ flags }) => flags?.refused === 30)
    assert.equal(full.refused.length, 20)
  })

  test('drift Correct: others get 409 that names the resource; drift Report: it is shown, and stays', async () => {
    const space = await world.space('drift')
    await space.featureFlag('shop', { a: on, b: on })
    await space.environment('prod')
    await space.operator()
    await space.status('prod', isReady)
    const refused = await space.call('PUT', '/flags/a', off)
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.managedBy],
      [409, 'managed', 'kubernetes:drift/prod'],
    )
    await space.patchEnvironment('prod', { spec: { drift: 'Report' } })
    await space.status('prod', isReady)
    assert.equal((await space.call('PUT', '/flags/a', off)).status, 200)
    await space.featureFlag('shop', { a: on, b: off })
    const reported = await space.status('prod', (status) => conditionOf(status, 'DriftDetected')?.status === 'True')
    assert.deepEqual(
      [conditionOf(reported, 'DriftDetected').reason, conditionOf(reported, 'DriftDetected').message],
      ['Reported', 'Changed by others: /flags/a'],
    )
    assert.deepEqual(await space.flags(), { a: off, b: off })
    await space.patchEnvironment('prod', { spec: { drift: 'Correct' } })
    await until(space.flags, ({ a }) => a.defaultVariant === 'on')
  })

  test('adopt Refuse leaves what exists, Merge takes it over', async () => {
    const space = await world.space('adopt')
    await space.call('PUT', '/flags/a', off)
    await space.featureFlag('shop', { a: on, b: on })
    await space.environment('prod')
    await space.operator()
    const refused = await space.status('prod', ({ flags }) => flags?.refused === 1)
    assert.match(refused.refused[0].message, /exists already and has no manager/)
    assert.deepEqual(await space.flags(), { a: off, b: on })
    await space.patchEnvironment('prod', { spec: { adopt: 'Merge' } })
    await space.status('prod', isReady)
    assert.deepEqual(await space.flags(), { a: on, b: on })
  })

  test('with prune a deletion archives the flags first; without it they stay, and anyone may change them', async () => {
    const space = await world.space('delete')
    await space.featureFlag('shop', { a: on })
    await space.environment('prod', { prune: true })
    await space.operator()
    await space.status('prod', isReady)
    assert.deepEqual((await space.read('prod')).metadata.finalizers, ['flagstaff.dev/environment'])
    await space.removeEnvironment('prod')
    await until(
      () => space.read('prod'),
      (resource) => resource === undefined,
    )
    assert.deepEqual(await space.flags(), {})
    await space.environment('loose')
    await space.status('loose', isReady)
    assert.equal((await space.read('loose')).metadata.finalizers, undefined)
    assert.equal((await space.call('PUT', '/flags/a', off)).status, 409)
    await space.removeEnvironment('loose')
    await until(
      () => space.call('PUT', '/flags/a', off),
      ({ status }) => status === 200,
    )
    await space.call('DELETE', '/flags/a')
    await space.environment('orphan', { prune: true })
    await space.status('orphan', isReady)
    await space.patchEnvironment('orphan', { metadata: { annotations: { 'flagstaff.dev/orphan': 'true' } } })
    await space.removeEnvironment('orphan')
    await until(
      () => space.read('orphan'),
      (resource) => resource === undefined,
    )
    assert.deepEqual(await space.flags(), { a: on })
  })

  test('a selector takes some FeatureFlags, suspend stops, and project and environment cannot be changed', async () => {
    const space = await world.space('select')
    await space.featureFlag('one', { a: on })
    await space.featureFlag('two', { b: on })
    await world.api.kubectl(['label', 'featureflag', 'two', '-n', space.name, 'app=shop'])
    await space.environment('prod', { featureFlags: { matchLabels: { app: 'shop' } } })
    await space.operator()
    await space.status('prod', isReady)
    assert.deepEqual(await space.flags(), { b: on })
    await space.patchEnvironment('prod', { spec: { suspend: true } })
    await space.status('prod', (status) => conditionOf(status, 'Ready')?.reason === 'Suspended')
    await space.featureFlag('two', { b: off })
    await space.patchEnvironment('prod', { metadata: { annotations: { touched: 'yes' } } })
    assert.deepEqual(await space.flags(), { b: on })
    await space.patchEnvironment('prod', { spec: { suspend: false } })
    await until(space.flags, ({ b }) => b.defaultVariant === 'off')
    await assert.rejects(space.patchEnvironment('prod', { spec: { project: 'other' } }), /cannot be changed/)
  })

  test('an absent environment is created with an admin key alone; what fails stands in the status', async () => {
    const space = await world.space('create')
    await space.featureFlag('shop', { a: on })
    await space.environment('new', { environment: 'staging' })
    const operator = await space.operator()
    const forbidden = await space.status('new', (status) => conditionOf(status, 'Synced')?.status === 'False')
    assert.equal(conditionOf(forbidden, 'Ready').reason, 'Forbidden', 'the key is for another environment')
    await kill(operator)
    await space.operator({ env: { FLAGSTAFF_KEY: ADMIN_KEY } })
    const absent = await space.status('new', (status) => conditionOf(status, 'Ready')?.reason === 'NotFound')
    assert.match(conditionOf(absent, 'Ready').message, /"create\/staging" does not exist/)
    await space.patchEnvironment('new', { spec: { createEnvironment: true } })
    await space.status('new', isReady)
    const path = `/api/v1/projects/${space.name}/environments/staging/flags/a`
    assert.deepEqual((await space.call('GET', path)).body, on)
  })
})
