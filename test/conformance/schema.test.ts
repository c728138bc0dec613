import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDefinition, checkSegments } from '../../src/flag/check/definition.ts'
import { readDocument } from '../../src/flag/check/document.ts'
import type { Mistake } from '../../src/flag/error.ts'
import { pointerTo } from '../../src/flag/error.ts'
import { listFiles, readJson, withConformance } from '../support/conformance.ts'

const TESTS = 'flagd-schemas/json/test'

/** All checks of a strict save. */
function mistakesIn(document: unknown): Mistake[] {
  const { source, mistakes } = readDocument(document)
  const inFlags = [...source.flags].flatMap(([key, flag]) =>
    checkDefinition(flag, source.segments, pointerTo('flags', key)),
  )
  return [...mistakes, ...checkSegments(source.segments), ...inFlags]
}

/** The documents in targeting/ are rules; one of them refers to a segment that it does not define. */
function documentOf(folder: string, content: unknown): unknown {
  if (folder !== 'targeting') return content
  const flag = { state: 'ENABLED', variants: { on: true }, defaultVariant: 'on', targeting: content }
  return { flags: { flag }, $evaluators: { 'some-ref': { '!!': [{ var: 'email' }] } } }
}

withConformance("documents of flagd's schemas", () => {
  for (const folder of ['flags', 'flagd', 'targeting'] as const) {
    for (const name of listFiles(`${TESTS}/${folder}/positive`, '.json'))
      test(`${folder}/${name} is accepted`, () =>
        assert.deepEqual(mistakesIn(documentOf(folder, readJson(`${TESTS}/${folder}/positive/${name}`))), []))

    for (const name of listFiles(`${TESTS}/${folder}/negative`, '.json'))
      test(`${folder}/${name} is refused`, () => {
        const mistakes = mistakesIn(documentOf(folder, readJson(`${TESTS}/${folder}/negative/${name}`)))
        assert.notDeepEqual(mistakes, [])
        for (const { pointer } of mistakes) assert.match(pointer, /^\//)
      })
  }
})
