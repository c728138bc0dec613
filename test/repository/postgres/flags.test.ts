import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FlagError } from '../../../src/flag/error.ts'
import { createFlag } from '../../../src/repository/postgres/flags.ts'
import { createProject, deleteProject } from '../../../src/repository/postgres/projects.ts'
import { AUTHOR, openStore, type Store } from '../../support/store.ts'

const ROUNDS = 40

let store: Store
before(async () => {
  store = await openStore()
})
after(() => store.close())

test('createFlag() during the deletion of its project succeeds or fails with not_found', async () => {
  const { database } = store
  for (let round = 0; round < ROUNDS; round += 1) {
    const project = `race-${round}`
    await createProject(database, { key: project, name: '', description: '' }, AUTHOR)
    const flag = {
      key: 'a',
      type: 'boolean' as const,
      description: '',
      owner: '',
      tags: [],
      permanent: false,
      valueSchema: null,
    }
    const ends = await Promise.allSettled([
      createFlag(database, project, { flag, author: AUTHOR }),
      deleteProject(database, project, { expected: undefined, author: AUTHOR }),
    ])
    for (const end of ends)
      if (end.status === 'rejected')
        assert.ok(end.reason instanceof FlagError && end.reason.code === 'not_found', end.reason)
  }
})
