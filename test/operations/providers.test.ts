import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/providers.md'), 'utf8')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')

test('the tests that the page about providers refers to exist', () => {
  const named = [...page.matchAll(/`((?:test|proto)\/[^`]*)`/g)].map(([, path = '']) => path)
  assert.ok(named.length > 5)
  for (const path of named) assert.ok(existsSync(join(ROOT, path)), path)
})

test('each provider whose test sends a key in its own way has a row', () => {
  for (const language of ['JavaScript', 'Java', 'Go', 'Python', 'Rust', 'PHP', '.NET'])
    assert.match(page, new RegExp(`^\\| flagd, ${language.replace('.', '\\.')}[ |]`, 'm'), language)
})

test('the README and the page for operators lead to it', () => {
  assert.ok(readme.includes('](docs/providers.md)'))
  assert.ok(readFileSync(join(ROOT, 'docs/operations/deploy.md'), 'utf8').includes('](../providers.md)'))
})
