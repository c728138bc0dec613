import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { edit, isDirty, redo, setText, startDraft, undo } from '../../../src/console/draft/draft.ts'
import { loadDraft, removeDraft, saveDraft } from '../../../src/console/draft/storage.ts'
import { setState, setVariant } from '../../../src/console/rules/variants.ts'
import { definition } from '../rules/generators.ts'
import { operationsOn, seeds } from '../rules/operations.ts'

const STORED = '{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}'
const started = () => startDraft(STORED, '"7"')

test('undo takes each step back to the byte, and redo repeats it', () => {
  fc.assert(
    fc.property(definition, fc.array(seeds, { minLength: 1, maxLength: 6 }), (value, mix) => {
      let draft = startDraft(JSON.stringify(value), undefined)
      const texts = [draft.text]
      for (const seed of mix) {
        const operations = operationsOn(draft.text, seed)
        const next = edit(draft, operations[seed.other % operations.length]?.edits ?? [])
        if (next !== draft) texts.push(next.text)
        draft = next
      }
      for (const text of texts.toReversed()) {
        assert.equal(draft.text, text)
        draft = undo(draft)
      }
      assert.equal(draft.text, draft.base.text)
      assert.equal(undo(draft), draft)
      for (const text of texts) {
        assert.equal(draft.text, text)
        draft = redo(draft)
      }
      assert.equal(redo(draft), draft)
    }),
    { numRuns: 100 },
  )
})

test('edits of one group are one step, until another step or an undo comes between', () => {
  const first = started()
  const text = first.text
  const type = (draft: typeof first, value: string, group: string) =>
    setText(draft, text.replace('"off"\n', `${value}\n`), group)
  const typed = type(type(type(first, '"a"', 'name'), '"ab"', 'name'), '"abc"', 'name')
  assert.equal(typed.done.length, 1)
  assert.equal(undo(typed).text, text)
  assert.equal(redo(undo(typed)).text, typed.text)
  assert.equal(type(typed, '"x"', 'other').done.length, 2)
  assert.equal(type(undo(type(typed, '"x"', 'other')), '"abcd"', 'name').done.length, 2)
})

test('a new step removes what could be redone', () => {
  const draft = edit(started(), setState(started().text, 'DISABLED'))
  const back = undo(draft)
  assert.equal(back.undone.length, 1)
  assert.equal(edit(back, setVariant(back.text, 'new', true)).undone.length, 0)
})

test('isDirty() does not count white space, and counts a text that is no JSON', () => {
  const draft = started()
  assert.equal(isDirty(draft), false)
  assert.equal(isDirty(setText(draft, STORED)), false)
  assert.equal(isDirty(setText(draft, STORED.replace('true', '1'))), true)
  assert.equal(isDirty(setText(draft, '{')), true)
})

function memory(quota = Number.POSITIVE_INFINITY) {
  const items = new Map<string, string>()
  return {
    key: (index: number) => [...items.keys()][index] ?? null,
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (value.length > quota) throw new DOMException('full', 'QuotaExceededError')
      items.set(key, value)
    },
    removeItem: (key: string) => void items.delete(key),
  }
}

const SUBJECT = { kind: 'flag', project: 'web', environment: 'production', name: 'a/b "c"' } as const

test('a draft survives a reload with its base, until it is removed', () => {
  const storage = memory()
  const draft = edit(started(), setState(started().text, 'DISABLED'))
  assert.equal(saveDraft(storage, SUBJECT, draft), true)
  assert.deepEqual(loadDraft(storage, SUBJECT), { base: draft.base, text: draft.text, done: [], undone: [] })
  assert.equal(loadDraft(storage, { ...SUBJECT, environment: 'staging' }), undefined)
  removeDraft(storage, SUBJECT)
  assert.equal(loadDraft(storage, SUBJECT), undefined)
})

test('a full storage loses no draft of the page, and what cannot be read is no draft', () => {
  assert.equal(saveDraft(memory(10), SUBJECT, started()), false)
  for (const stored of [
    '',
    '{',
    'null',
    '{"base":{"text":1},"text":"{}"}',
    '{"base":{"text":"{}","etag":5},"text":"{}"}',
  ]) {
    const storage = memory()
    saveDraft(storage, SUBJECT, started())
    storage.setItem(storage.key(0) ?? '', stored)
    assert.equal(loadDraft(storage, SUBJECT), undefined, stored)
  }
})
