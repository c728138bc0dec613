import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eq, sql } from 'drizzle-orm'
import { FlagError } from '../../../../src/flag/error.ts'
import { changeDefinition } from '../../../../src/repository/postgres/definitions.ts'
import { changeSegment, deleteSegment } from '../../../../src/repository/postgres/rules/change-segment.ts'
import { readSegment } from '../../../../src/repository/postgres/rules/segments.ts'
import { environments } from '../../../../src/repository/postgres/tables.ts'
import { AUTHOR, freshEnvironment, openStore, type Store } from '../../../support/store.ts'

const ROUNDS = 20

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

test('of a deletion and a new reference that race, one is refused', async () => {
  const { database } = store
  const environment = await freshEnvironment(database)
  const write = { expected: undefined, author: AUTHOR, dryRun: false }
  const definition = {
    state: 'ENABLED' as const,
    variants: { on: true },
    targeting: { if: [{ $ref: 's' }, 'on', null] },
  }
  const codes = new Set<string>()
  for (let round = 0; round < ROUNDS; round += 1) {
    const segment = { ...environment, segment: 's' }
    await changeSegment(database, segment, { ...write, next: () => ['a'] })
    const define = () =>
      changeDefinition(database, { ...environment, flag: `f${round}` }, { ...write, next: () => definition })
    const remove = () => deleteSegment(database, segment, { ...write, force: false })
    const ends = await Promise.allSettled(round % 2 ? [define(), remove()] : [remove(), define()])
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    assert.equal(failures.length, 1)
    assert.ok(failures[0] instanceof FlagError, String(failures[0]))
    codes.add(failures[0].code)
    await changeDefinition(database, { ...environment, flag: `f${round}` }, { ...write, next: () => undefined }).catch(
      (error: unknown) => assert.ok(error instanceof FlagError && error.code === 'not_found'),
    )
  }
  assert.deepEqual([...codes].toSorted(), ['in_use', 'invalid'])
})

test('a change of segments by an older version, which stores no revision for each, is not overwritten', async () => {
  const { database } = store
  const environment = await freshEnvironment(database)
  const segment = { ...environment, segment: 's' }
  const write = { author: AUTHOR, dryRun: false }
  const seen = await changeSegment(database, segment, { ...write, expected: undefined, next: () => ['a'] })
  const id = await database.write(async (tx) => {
    const [row] = await tx.select().from(environments).orderBy(sql`id desc`).limit(1)
    const next = sql`revision + 1`
    const older = { segments: { s: ['b'] }, revision: next, settingsRevision: next }
    await tx
      .update(environments)
      .set(older)
      .where(eq(environments.id, row?.id ?? 0n))
    return row?.id ?? 0n
  })
  const late = () => changeSegment(database, segment, { ...write, expected: [seen.revision], next: () => ['c'] })
  await assert.rejects(late, (error) => error instanceof FlagError && error.code === 'stale')
  const { revision, rule } = await readSegment(database, segment)
  assert.deepEqual(rule, ['b'])
  const other = await changeSegment(
    database,
    { ...environment, segment: 'other' },
    { ...write, expected: undefined, next: () => ['o'] },
  )
  assert.ok(other.revision > revision)
  assert.equal((await readSegment(database, segment)).revision, revision, 'exact again after the next change')
  const [row] = await database.read((db) => db.select().from(environments).where(eq(environments.id, id)))
  assert.equal(row?.segmentRevisionsOf, row?.settingsRevision)
})
