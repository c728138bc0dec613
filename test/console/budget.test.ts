import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { BUDGETS_KB } from '../support/budgets.ts'

const ROOT = join(import.meta.dirname, '../..')
type Output = { entryPoint?: string; inputs: Record<string, unknown>; imports: { path: string; kind: string }[] }
let outputs: Record<string, Output>

before(() => {
  const node = join(ROOT, 'node_modules/.bin/node')
  execFileSync(node, ['image/console.ts'], { cwd: ROOT })
  outputs = JSON.parse(readFileSync(join(ROOT, 'dist/console.json'), 'utf8')).outputs
})

/** The files of JavaScript that are loaded with these sources. */
function filesOf(entries: readonly string[]): Set<string> {
  const files = new Set<string>()
  const add = (file: string) => {
    if (files.has(file)) return
    files.add(file)
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') add(path)
  }
  for (const entry of entries) {
    const names = [`src/console/${entry}`, `later:src/console/${entry}`]
    const file = Object.keys(outputs).find((name) => names.includes(outputs[name]?.entryPoint ?? ''))
    assert.ok(file, `${entry} is built`)
    add(file)
  }
  return files
}

const OTHER_PAGES = ['segments', 'compare', 'changes', 'settings', 'keys', 'welcome', 'sign-in'] as const

/** Compressed with gzip. */
const kilobytes = (files: Iterable<string>): number =>
  [...files].reduce((sum, file) => sum + statSync(join(ROOT, `${file}.gz`)).size, 0) / 1_000

for (const [what, entries, max] of [
  ['the flag list', ['main.tsx'], BUDGETS_KB.list],
  ['the page of a flag', ['main.tsx', 'pages/flag/page.tsx'], BUDGETS_KB.flag],
  ['the page of a segment', ['main.tsx', 'pages/segments/segment.tsx'], BUDGETS_KB.segment],
  ...OTHER_PAGES.map((page) => [`the page ${page}`, ['main.tsx', `pages/${page}/page.tsx`], BUDGETS_KB.other] as const),
] as const)
  test(`${what} loads at most ${max} KB of JavaScript`, () => {
    const loaded = kilobytes(filesOf(entries))
    assert.ok(loaded <= max, `${loaded.toFixed(1)} KB`)
    assert.ok(loaded > 10, 'something is loaded')
  })

test('the page of every route names at most three scripts, which are all that the flag list loads', () => {
  const html = readFileSync(join(ROOT, 'dist/console/index.html'), 'utf8')
  const named = new Set(
    [...html.matchAll(/(?:href|src)="\/console\/(assets\/[^"]+\.js)"/g)].map(([, file]) => file ?? ''),
  )
  assert.ok(named.size > 0 && named.size <= 3, [...named].join(', '))
  // The entry points themselves only import what the page names.
  const imported = [...filesOf(['main.tsx', 'ahead.ts'])].filter((file) => outputs[file]?.entryPoint === undefined)
  assert.deepEqual(new Set(imported.map((file) => file.replace('dist/console/', ''))), named)
})

test('the application is in one file, so that it starts once', () => {
  const holding = Object.values(outputs).filter(({ inputs }) => 'src/console/main.tsx' in inputs)
  assert.equal(holding.length, 1)
})

test(`the JSON editor loads at most ${BUDGETS_KB.editor} KB of JavaScript beyond the page of a flag`, () => {
  const page = filesOf(['main.tsx', 'pages/flag/page.tsx'])
  const loaded = kilobytes(filesOf(['pages/flag/json/editor.ts']).difference(page))
  assert.ok(loaded > 10 && loaded <= BUDGETS_KB.editor, `${loaded.toFixed(1)} KB`)
})

test(`all styles have at most ${BUDGETS_KB.styles} KB`, () => {
  const file = Object.keys(outputs).find((name) => /\/console-\w+\.css$/.test(name))
  assert.ok(file)
  const size = statSync(join(ROOT, `${file}.gz`)).size / 1_000
  assert.ok(size <= BUDGETS_KB.styles, `${size.toFixed(1)} KB`)
})
