import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { LAYERS, layerOf } from '../support/layers.ts'
import { sources } from '../support/sources.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const page = read('docs/architecture.md')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/RESULTS.md',
  ...globSync('docs/**/*.md', { cwd: ROOT }),
]

/** The layers of the picture by their names, such as `L1`, each with its folders. */
const layers = new Map(
  [...page.matchAll(/(L\d+)\["([^"]+)"\]/g)].map(([, id = '', text = '']) => [id, text.split(' · ')]),
)
const arrows = [...page.matchAll(/(L\d+)(?:\["[^"]+"\])? --> (L\d+)/g)].map(([, from = '', to = '']) => ({ from, to }))

test('the layers of the picture are those of the architecture test', () => {
  const lowestFirst = [...layers].sort(([one], [other]) => one.localeCompare(other)).map(([, folders]) => folders)
  assert.deepEqual(lowestFirst, LAYERS)
})

test('every import between folders follows the arrows of the picture', () => {
  const idOf = (file: string) => `L${layerOf(file) + 1}`
  for (const { file, imports } of sources)
    for (const path of imports.filter((path) => !path.startsWith('../'))) {
      const [from, to] = [idOf(file), idOf(path)]
      assert.ok(from === to || reach(from).has(to), `${file} imports ${path}: no arrows lead from ${from} to ${to}`)
    }
})

test('every file that the documents name exists', () => {
  for (const file of pages) {
    const named = [...read(file).matchAll(/`((?:src|test|bench|image|docs)\/[\w./-]+\/?)`/g)].map(
      ([, name = '']) => name,
    )
    for (const name of named) assert.ok(existsSync(join(ROOT, name)), `${file} names ${name}, which does not exist`)
  }
})

test('every link of the documents leads to a file, and to a heading of it', () => {
  for (const file of pages)
    for (const [, target = '', heading] of read(file).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)/g)) {
      const path = target === '' ? file : join(dirname(file), target)
      assert.ok(existsSync(join(ROOT, path)), `${file} links to ${path}, which does not exist`)
      if (heading) assert.ok(headings(path).has(heading), `${file} links to ${path}#${heading}`)
    }
})

test('a decision record is one page with status, context, decision and consequences', () => {
  for (const file of globSync('docs/decisions/*.md', { cwd: ROOT })) {
    const text = read(file)
    assert.match(text, /^# \d+\. .+\n\nStatus: .+\n\n## Context\n.+\n## Decision\n.+\n## Consequences\n/s, file)
    assert.ok(text.split('\n').length <= 45, `${file} is longer than a page`)
  }
})

test('every dependency has its line in the record of dependencies', () => {
  const text = read('docs/decisions/0001-dependencies.md')
  const { dependencies } = JSON.parse(read('package.json'))
  for (const name of Object.keys(dependencies).filter((name) => !name.startsWith('@opentelemetry/')))
    assert.ok(text.includes(name), `${name} is missing`)
})

/** The layers that the arrows lead to from one. */
function reach(from: string, found = new Set<string>()): Set<string> {
  for (const { to } of arrows.filter((arrow) => arrow.from === from)) if (!found.has(to)) reach(to, found.add(to))
  return found
}

/** The anchors of a page's headings, as GitHub makes them. */
function headings(file: string): Set<string> {
  return new Set(
    [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}
