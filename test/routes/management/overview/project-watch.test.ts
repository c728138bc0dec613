import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../../../src/repository/postgres/database.ts'
import { type ProjectHint, ProjectWatch } from '../../../../src/routes/management/overview/project-watch.ts'
import { freshEnvironment, openStore } from '../../../support/store.ts'

/** A little more than the time between two checks. */
const PAUSE_MS = 1_500

test('ProjectWatch reads a project regularly and at each check(), while it has listeners and not after', async () => {
  const store = await openStore()
  const { project } = await freshEnvironment(store.database)
  let reads = 0
  const database: Database = {
    ...store.database,
    read: (work) => {
      reads += 1
      return store.database.read(work)
    },
  }
  const watch = new ProjectWatch(database)
  const hints: ProjectHint[] = []
  const onDeleted = () => assert.fail('the project exists')
  const leave = await watch.add(project, { onHints: (changed) => hints.push(...changed), onDeleted })
  const again = await watch.add(project, { onHints: () => undefined, onDeleted })
  assert.equal(reads, 2)
  watch.check(project)
  watch.check('another')
  assert.equal(reads, 3)
  await sleep(PAUSE_MS)
  assert.ok(reads > 3)
  again()
  leave()
  leave()
  const last = reads
  watch.check(project)
  await sleep(PAUSE_MS)
  assert.deepEqual([reads, hints], [last, []])
  await store.close()
})
