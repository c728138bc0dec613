import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const pages = globSync('docs/security/*.md', { cwd: ROOT }).sort()

const CATEGORIES = [
  'Spoofing',
  'Tampering',
  'Repudiation',
  'Information disclosure',
  'Denial of service',
  'Elevation of privilege',
]

type Threat = { readonly category: string; readonly threat: string; readonly answer: string; readonly test: string }
/** The threats of each entrance, by `<page>: <heading>`. */
const entrances = new Map(
  pages.flatMap((page) =>
    read(page)
      .split(/^## /m)
      .slice(1)
      .map((section): [string, Threat[]] => [`${page}: ${section.split('\n', 1)[0]}`, threatsIn(section)]),
  ),
)

function threatsIn(section: string): Threat[] {
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((row) => {
    const [, category = '', threat = '', answer = '', named = ''] = row.split(/ ?\| ?/)
    return { category, threat, answer, test: named }
  })
}

/** The names of the tests of a file, as its source has them. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/^ *test\(\s*(['"`])(.*?)\1,/gms)].map(([, , name = '']) => name.replaceAll("\\'", "'"))

test('the threat model has the entrances of the service, and the index leads to each of their pages', () => {
  assert.ok(entrances.size >= 11, [...entrances.keys()].join())
  const index = read('SECURITY.md')
  for (const page of pages) assert.ok(index.includes(`](${page})`), `SECURITY.md does not lead to ${page}`)
})

test('each entrance has threats of all six categories, each with an answer', () => {
  for (const [entrance, threats] of entrances) {
    for (const category of CATEGORIES)
      assert.ok(
        threats.some((threat) => threat.category === category),
        `${entrance} says nothing about ${category}`,
      )
    for (const { category, threat, answer } of threats) {
      assert.ok(CATEGORIES.includes(category), `${entrance} has the category "${category}"`)
      assert.ok(threat.length > 5 && answer.length > 5, `${entrance}: ${threat}`)
    }
  }
})

test('each threat names a test that exists, or a risk that is accepted', () => {
  const accepted = read('SECURITY.md').split('## Accepted risks')[1] ?? ''
  for (const [entrance, threats] of entrances)
    for (const { threat, test: named } of threats) {
      const [, risk] = /^accepted: \[([^\]]+)\]\(.+#accepted-risks\)$/.exec(named) ?? []
      if (risk !== undefined) {
        assert.ok(accepted.includes(`**${risk}.**`), `${entrance}: SECURITY.md does not accept "${risk}"`)
        continue
      }
      const [, file = '', name = ''] = /^`([\w./-]+)`: (.+)$/.exec(named) ?? []
      assert.ok(existsSync(join(ROOT, file)) && file !== '', `${entrance}: "${threat}" names ${named}`)
      const texts = file.endsWith('.test.ts') ? namesIn(read(file)) : [read(file)]
      assert.ok(
        texts.some((text) => text.includes(name)),
        `${entrance}: "${threat}" names a test that ${file} does not have: ${name}`,
      )
    }
})

test('each test of attacks holds a threat', () => {
  const text = pages.map(read).join()
  for (const file of globSync('test/attacks/*.test.ts', { cwd: ROOT })) assert.ok(text.includes(`\`${file}\``), file)
})
