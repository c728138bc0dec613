import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { TRIAL_FLAG_SET_ID } from '../../src/config/config.ts'
import { listChanges } from '../../src/repository/postgres/changes.ts'
import type { Database } from '../../src/repository/postgres/database.ts'
import { exportFlagSet } from '../../src/repository/postgres/flag-set.ts'
import { createProject, listProjects } from '../../src/repository/postgres/projects.ts'
import { seedSampleFlags } from '../../src/trial/seed.ts'
import { AUTHOR, openStore, type Store } from '../support/store.ts'

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

/** The same database, which fails at the nth write, as if the process had ended there. */
function endingAt(writes: number): Database {
  let left = writes
  return {
    ...store.database,
    write: (work) => {
      left -= 1
      return left < 0 ? Promise.reject(new Error('killed')) : store.database.write(work)
    },
  }
}
const flagKeys = async (environment: string) => {
  const { flags } = await exportFlagSet(store.database, { project: 'default', environment })
  return [...flags.keys()].sort()
}

test('seedSampleFlags() continues after a killed start, and then changes nothing', async () => {
  for (const writes of [0, 1, 1, 1, 1]) await assert.rejects(seedSampleFlags(endingAt(writes)), /killed/)
  await seedSampleFlags(endingAt(1))
  assert.equal(TRIAL_FLAG_SET_ID, 'default/development')
  for (const environment of ['development', 'production'])
    assert.deepEqual(await flagKeys(environment), ['banner-text', 'new-checkout', 'search-algorithm'])
  const { length } = await listChanges(store.database, { limit: 100 })
  await seedSampleFlags(store.database)
  assert.equal((await listChanges(store.database, { limit: 100 })).length, length)
})

test('seedSampleFlags() does not change a database with other projects', async () => {
  const other = await openStore()
  try {
    await createProject(other.database, { key: 'shop', name: 'Shop', description: '' }, AUTHOR)
    await seedSampleFlags(other.database)
    assert.equal((await listProjects(other.database, { after: '', limit: 10 })).length, 1)
  } finally {
    await other.close()
  }
})
