import assert from 'node:assert/strict'
import { test } from 'node:test'
import { transformSync } from 'esbuild'
import { LANGUAGES } from '../../../../../src/console/pages/flag/use/languages.ts'
import type { SnippetTarget } from '../../../../../src/console/pages/flag/use/snippet.ts'

const TARGET: SnippetTarget = {
  flagKey: 'new-checkout',
  type: 'boolean',
  fallback: false,
  host: 'flags.example.com',
  port: 443,
  isSecure: true,
  apiKey: 'fs_key',
  flagSetId: 'shop/production',
}
const codeOf = (language: string, target: SnippetTarget, protocol = 'OFREP') =>
  LANGUAGES.find(({ id }) => id === language)
    ?.snippets(target)
    .find((snippet) => snippet.protocol === protocol)?.code ?? ''

for (const { id, name, snippets } of LANGUAGES)
  test(`each snippet for ${name} names the flag, the host and the key`, () => {
    for (const { code, protocol } of snippets(TARGET))
      for (const part of [TARGET.flagKey, TARGET.host, 'fs_key'])
        assert.ok(code.includes(part), `${id} ${protocol}: ${part}`)
  })

for (const id of ['node', 'web', 'react'])
  for (const type of ['boolean', 'string', 'number', 'object'] as const)
    test(`the snippets of ${id} for ${type} flags are valid JavaScript, whatever the key of the flag`, () => {
      const fallback = { boolean: false, string: 'it\'s "x"', number: 0.5, object: '' }[type]
      for (const { code } of LANGUAGES.find((each) => each.id === id)?.snippets({
        ...TARGET,
        type,
        fallback,
        flagKey: `a"b\\c\`\${d}`,
      }) ?? [])
        transformSync(code, { loader: 'jsx', format: 'esm' })
    })

test('without a key, the header selects the flag set', () => {
  assert.match(codeOf('curl', { ...TARGET, apiKey: undefined }), /Flagd-Selector: flagSetId=shop\/production/)
})

test('the port is named unless the scheme implies it', () => {
  assert.match(codeOf('curl', TARGET), /https:\/\/flags\.example\.com\/ofrep/)
  assert.match(codeOf('curl', { ...TARGET, isSecure: false, port: 8016 }), /http:\/\/flags\.example\.com:8016\//)
})

for (const [language, text, quoted] of [
  ['kotlin', 'cost $5', '"cost \\$5"'],
  ['ruby', "#{x} it's", "'#{x} it\\'s'"],
  ['go', 'a "b"', '"a \\"b\\""'],
] as const)
  test(`a text is quoted for ${language}`, () => {
    assert.ok(codeOf(language, { ...TARGET, type: 'string', fallback: text }).includes(quoted))
  })

test('a number uses the integer call for a whole fallback and the float call for any other', () => {
  assert.match(codeOf('go', { ...TARGET, type: 'number', fallback: 10 }), /IntValue\(.*, 10, /)
  assert.match(codeOf('java', { ...TARGET, type: 'number', fallback: 0.5 }), /getDoubleValue\(.*, 0\.5, /)
})
