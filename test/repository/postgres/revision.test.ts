import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { and, eq, lte } from 'drizzle-orm'
import type { Definition } from '../../../src/flag/definition.ts'
import { FlagError } from '../../../src/flag/error.ts'
import { changeDefinition, readDefinition } from '../../../src/repository/postgres/definitions.ts'
import { createEnvironment, readEnvironment } from '../../../src/repository/postgres/environments.ts'
import { applyFlagSet, exportFlagSet } from '../../../src/repository/postgres/flag-set.ts'
import { updateFlag } from '../../../src/repository/postgres/flags.ts'
import { type EnvironmentRevision, loadEnvironment } from '../../../src/repository/postgres/load-environment.ts'
import { changes } from '../../../src/repository/postgres/tables.ts'
import { AUTHOR, freshEnvironment, openStore, type Store } from '../../support/store.ts'

const WRITERS = 20
const CHANGES = 1_000

let store: Store
let name: { project: string; environment: string }
before(async () => {
  store = await openStore()
})
after(() => store.close())
beforeEach(async () => {
  name = await freshEnvironment(store.database)
})

const on: Definition = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
const off: Definition = { ...on, defaultVariant: 'off' }
const put = (flag: string, definition: Definition, expected?: readonly bigint[]) =>
  changeDefinition(store.database, { ...name, flag }, { next: () => definition, expected, author: AUTHOR })

test('of two writers with the same version one wins and the other fails as stale', async () => {
  const first = await put('a', on)
  assert.ok(first)
  const results = await Promise.allSettled([put('a', off, [first.revision]), put('a', off, [first.revision])])
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 1)
  assert.ok(refused[0]?.reason instanceof FlagError)
  assert.equal(refused[0].reason.code, 'stale')
  assert.equal((await readDefinition(store.database, { ...name, flag: 'a' })).definition.defaultVariant, 'off')
})

test('writing the stored value changes nothing and makes no change record', async () => {
  const first = await put('a', on)
  const second = await put('a', { ...on })
  assert.equal(second?.revision, first?.revision)
  assert.equal((await readEnvironment(store.database, name)).revision, first?.revision)
})

test(`after ${CHANGES} concurrent changes the revision is exactly that much higher, and a polling reader misses none`, async () => {
  const start = (await readEnvironment(store.database, name)).revision
  let writing = true
  const recorded = (upTo: bigint) =>
    store.database.read((db) => db.$count(changes, and(eq(changes.project, name.project), lte(changes.revision, upTo))))
  const poll = async () => {
    const mirror = new Map<string, Definition>()
    let held: EnvironmentRevision | undefined
    for (let isLast = false; !isLast; ) {
      isLast = !writing
      const source = await loadEnvironment(store.database, `${name.project}/${name.environment}`, held)
      assert.ok(source)
      assert.ok(source.revision >= (held?.revision ?? 0n), 'revisions only go up')
      for (const [key, definition] of source.flags) definition ? mirror.set(key, definition) : mirror.delete(key)
      const soon = await recorded(source.revision)
      held = source
      assert.equal(await recorded(source.revision), soon, 'nothing is added below a revision that was read')
    }
    return mirror
  }
  const reader = poll()
  const writer = async (index: number) => {
    for (let turn = 0; turn < CHANGES / WRITERS; turn++) await put(`flag-${index % 5}-${index}`, turn % 2 ? off : on)
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, index) => writer(index)))
  writing = false
  const mirror = await reader
  assert.equal((await readEnvironment(store.database, name)).revision - start, BigInt(CHANGES))
  assert.deepEqual(mirror, (await exportFlagSet(store.database, name)).flags)
})

test('a document of many flags is one revision, with one record for each flag', async () => {
  const start = (await readEnvironment(store.database, name)).revision
  const document = {
    flags: new Map([
      ['a', on],
      ['b', off],
      ['c', on],
    ]),
    segments: {},
    metadata: {},
    members: {},
  }
  const applied = await applyFlagSet(store.database, name, {
    document,
    prune: false,
    dryRun: false,
    strict: true,
    expected: undefined,
    author: AUTHOR,
  })
  assert.equal(applied.revision, start + 1n)
  assert.deepEqual(
    applied.changed.map(({ key }) => key),
    ['a', 'b', 'c'],
  )
})

test('archiving a flag removes it from every environment under a new revision, restoring returns it', async () => {
  await put('a', on)
  const id = `${name.project}/${name.environment}`
  const held = await loadEnvironment(store.database, id)
  assert.ok(held)
  const author = { text: {}, expected: undefined, author: AUTHOR }
  await updateFlag(store.database, name.project, 'a', { ...author, archived: true })
  const archived = await loadEnvironment(store.database, id, held)
  assert.equal(archived?.revision, held.revision + 1n)
  assert.deepEqual([...(archived?.flags ?? [])], [['a', undefined]])
  await updateFlag(store.database, name.project, 'a', { ...author, archived: false })
  const restored = await loadEnvironment(store.database, id, archived)
  assert.deepEqual([...(restored?.flags ?? [])], [['a', on]])
})

test('a definition restores an archived flag in its own environment alone', async () => {
  const other = { project: name.project, environment: 'other' }
  await createEnvironment(store.database, other, {
    settings: { name: 'Other', description: '', bucketing: 'v2' },
    author: AUTHOR,
  })
  await put('a', on)
  await changeDefinition(
    store.database,
    { ...other, flag: 'a' },
    { next: () => on, expected: undefined, author: AUTHOR },
  )
  await updateFlag(store.database, name.project, 'a', { text: {}, expected: undefined, author: AUTHOR, archived: true })
  const held = await loadEnvironment(store.database, `${other.project}/other`)
  assert.ok(held)
  assert.equal(held.flags.size, 0)
  await put('a', off)
  assert.equal((await readDefinition(store.database, { ...name, flag: 'a' })).definition.defaultVariant, 'off')
  await assert.rejects(readDefinition(store.database, { ...other, flag: 'a' }), { code: 'not_found' })
  const whole = await loadEnvironment(store.database, `${other.project}/other`)
  assert.deepEqual([whole?.revision, whole?.flags.size], [held.revision, 0], 'a reader of this revision misses nothing')
})

test('loadEnvironment() returns everything to a reader with another incarnation or a later revision', async () => {
  await put('a', on)
  const id = `${name.project}/${name.environment}`
  const held = await loadEnvironment(store.database, id)
  assert.ok(held)
  assert.equal((await loadEnvironment(store.database, id, held))?.isUpdate, true)
  assert.equal((await loadEnvironment(store.database, id, { ...held, incarnation: 'another' }))?.isUpdate, false)
  assert.equal((await loadEnvironment(store.database, id, { ...held, revision: held.revision + 1n }))?.flags.size, 1)
})
