import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNode, nodesOfSources } from '../support/syntax.ts'

// Secrets that are compared byte by byte show by the time of a refusal how many bytes were right (CWE-208). Measured times depend on the
// machine, so these tests look at the source: a secret is found by its digest, which a caller cannot choose, and compared in constant time.

const EQUALITY = new Set(['==', '===', '!=', '!=='])
const SECRET = /secret|token|digest|signature|\bmac\b|\bhmac|password|credential|sealed|keyDigest|apiKey|api-key/i
const NOTHING = /^(?:undefined|null|''|typeof .*|'x-api-key'|\w+\.length)$/
/** Comparisons that look like one of secrets, each with its reason. */
const ALLOWED = new Map([
  ['cached?.secret === secret', 'the identity of a buffer of this process, no text'],
  ["credentials === ':'", 'the empty user information of a configured URL'],
  ["url.username + url.password === ''", 'the empty user information of a configured URL'],
  [
    "hash !== digest([format, incarnation, revision, encoding].join(' '), body)",
    'a checksum of a copy in Redis, which is no secret',
  ],
  ['this.#admin?.digest.length === bytes.length', 'lengths of digests'],
])

/** Without the console, whose code has the rights of its own user only. */
const found = [...nodesOfSources()].filter(({ file }) => !file.startsWith('console/'))

test('no secret is compared with an operator', () => {
  for (const { file, node, text } of found) {
    if (node.type !== 'BinaryExpression' || !EQUALITY.has(String(node['operator'])) || !SECRET.test(text)) continue
    const sides = [node['left'], node['right']].filter(isNode)
    const texts = sides.map(({ start, end }) => text.slice(start - node.start, end - node.start))
    if (texts.some((side) => NOTHING.test(side)) || ALLOWED.has(text)) continue
    assert.fail(`${file} compares ${text}; use isEqualInTime() with digests`)
  }
})

test('no secret is compared by a method', () => {
  for (const { file, node, text } of found)
    if (
      node.type === 'CallExpression' &&
      /^[^\n(]*\.(?:equals|compare|localeCompare|startsWith|endsWith|includes|indexOf)\(/.test(text)
    )
      assert.ok(!/\b(?:secret|digest|signature|mac|password|sealed)\b/i.test(text), `${file} has ${text}`)
})

test('every place that checks a secret compares in constant time', () => {
  const calls = found.filter(({ node, text }) => node.type === 'CallExpression' && text.startsWith('isEqualInTime('))
  assert.deepEqual(
    calls.map(({ file, text }) => `${file} ${text}`),
    [
      'cache/authenticator.ts isEqualInTime(this.#admin.digest, digest.bytes)',
      'cache/authenticator.ts isEqualInTime(this.#admin.digest, bytes)',
      'cache/authenticator.ts isEqualInTime(entry.digest, digest.bytes)',
      "routes/ofrep/stream-token.ts isEqualInTime(Buffer.from(signature, 'base64url'), mac(of.secret, of.flagSetId, Number(epoch)))",
    ],
  )
})

test('no source makes code of text', () => {
  for (const { file, node, text } of found) {
    if (node.type === 'CallExpression' || node.type === 'NewExpression')
      assert.ok(!/^(?:new )?(?:eval|Function)\(/.test(text), `${file} has ${text}`)
    // Of the embedded Postgres the name depends on the platform, and on nothing else.
    if (node.type === 'ImportExpression' && file !== 'trial/postgres.ts')
      assert.match(text, /^import\('[^']+'\)$/, `${file} loads ${text}`)
  }
})
