import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  forgetContexts,
  recentContexts,
  rememberContext,
} from '../../../../../src/console/pages/flag/explain/recent.ts'

/** A storage in memory for at most `max` characters, as a browser has it for one tab. */
function newStorage(max = 10_000): Storage {
  const items = new Map<string, string>()
  return {
    get length() {
      return items.size
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => {
      if (value.length > max) throw new DOMException('The quota has been exceeded', 'QuotaExceededError')
      items.set(name, value)
    },
    removeItem: (name) => void items.delete(name),
    clear: () => items.clear(),
  }
}

test('forgetContexts() removes the contexts of all projects and nothing else', () => {
  const storage = newStorage()
  for (const project of ['shop', 'blog', 'news']) rememberContext(project, { targetingKey: 'ada' }, storage)
  storage.setItem('flagstaff.draft:["flag","shop","test","a"]', '{}')
  assert.deepEqual(recentContexts('blog', storage), [{ targetingKey: 'ada' }])
  forgetContexts(storage)
  for (const project of ['shop', 'blog', 'news']) assert.deepEqual(recentContexts(project, storage), [])
  assert.equal(storage.length, 1)
})

test('rememberContext() keeps what it has where the storage is full', () => {
  const storage = newStorage(100)
  rememberContext('shop', { targetingKey: 'ada' }, storage)
  rememberContext('shop', { targetingKey: 'grace', text: 'x'.repeat(200) }, storage)
  assert.deepEqual(recentContexts('shop', storage), [{ targetingKey: 'ada' }])
})
