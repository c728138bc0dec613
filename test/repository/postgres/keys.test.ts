import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagError } from '../../../src/flag/error.ts'
import { createEnvironment, deleteEnvironment } from '../../../src/repository/postgres/environments.ts'
import { createKey } from '../../../src/repository/postgres/keys.ts'
import { AUTHOR, freshEnvironment, openStore, type Store } from '../../support/store.ts'

const ROUNDS = 40

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

test('createKey() during the deletion of its environment succeeds or fails with not_found', async () => {
  const { database } = store
  const { project } = await freshEnvironment(database)
  const settings = { name: '', description: '', bucketing: 'v2' } as const
  for (let round = 0; round < ROUNDS; round += 1) {
    const environment = { project, environment: `race-${round}` }
    await createEnvironment(database, environment, { settings, author: AUTHOR })
    const ends = await Promise.allSettled([
      createKey(database, { name: 'k', role: 'client', environment, expiresAt: null }, AUTHOR),
      deleteEnvironment(database, environment, { expected: undefined, author: AUTHOR }),
    ])
    for (const end of ends)
      if (end.status === 'rejected')
        assert.ok(end.reason instanceof FlagError && end.reason.code === 'not_found', end.reason)
  }
})
