import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Listening, openListening } from '../support/listening.ts'
import { RawH1 } from '../support/raw-h1.ts'
import { ADMIN_KEY } from '../support/service.ts'
import { nodesOfSources } from '../support/syntax.ts'

// Regular expressions that take quadratic or exponential time for some text (CWE-1333).

type Pattern = { readonly file: string; readonly source: string; readonly flags: string }

const patterns: Pattern[] = []
const dynamic: string[] = []
for (const { file, node, text } of nodesOfSources()) {
  const regex = node['regex'] as { pattern: string; flags: string } | undefined
  if (node.type === 'Literal' && regex) patterns.push({ file, source: regex.pattern, flags: regex.flags })
  if (node.type === 'NewExpression' && text.startsWith('new RegExp')) dynamic.push(file)
}

/** Long enough that quadratic time is some hundredths of a second, and linear time microseconds. */
const LENGTH = 12_000
/** With nested quantifiers this many characters take 2 to the power of them. */
const SHORT = 24
const SLOW_MS = 12
/** Endings that make a match fail after its repetition. */
const ENDS = ['', '\0', '"']

test('the patterns of all source files are found', () => {
  assert.ok(patterns.length > 90, String(patterns.length))
  assert.ok(patterns.some(({ file }) => file === 'routes/ofrep/etag.ts'))
})

test('a pattern is made of other text only for configured origins, which are escaped', () => {
  assert.deepEqual(dynamic, ['middleware/cors.ts'])
})

/** Without one of these the length of a match is bounded. */
const isUnbounded = ({ source }: Pattern): boolean => /[*+]|\{\d+,\}/.test(source)

/** Texts that the pattern may repeat: its own characters, one of each class, and its words. */
function unitsOf(source: string): string[] {
  const plain = source.replaceAll(/\\x[\da-f]{2}|\\u[\da-f]{4}|\\[a-zA-Z]/gi, '')
  const signs = new Set([...plain.replaceAll(/\w/g, ''), ...'a0 .,"'])
  const words = plain.match(/[A-Za-z]{2,}/g) ?? []
  return [...signs, ...words, ...[...signs].map((sign) => `a${sign}`), ...words.map((word) => `${word} `)]
}

/** Beginnings that let an anchored pattern reach its repetitions: what is literal before them. */
function startsOf(source: string): string[] {
  const literal = /^\^?((?:\\[/.:[\]]|[\w :/"-])*)/.exec(source)?.[1]?.replaceAll('\\', '') ?? ''
  return [...new Set([literal, literal.slice(0, -1), `${literal}a`])]
}

function* attacksOn(source: string, length: number): Generator<string> {
  for (const unit of unitsOf(source))
    for (const start of startsOf(source))
      for (const end of ENDS) yield start + unit.repeat(Math.ceil(length / unit.length)) + end
}

/** Milliseconds, the least of three if it is slow: a pause of the machine is no time of the pattern. */
function timeOf(regex: RegExp, text: string): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3 && least > SLOW_MS; round += 1) {
    const start = performance.now()
    text.replace(regex, '')
    least = Math.min(least, performance.now() - start)
  }
  return least
}

function mistakeOf({ source, flags }: Pattern): string | undefined {
  const regex = new RegExp(source, flags)
  for (const length of [SHORT, LENGTH])
    for (const text of attacksOn(source, length)) {
      const ms = timeOf(regex, text)
      if (ms > SLOW_MS) return `takes ${ms} ms for ${length} characters like ${JSON.stringify(text.slice(0, 40))}`
    }
  return undefined
}

test('the attack finds patterns that take quadratic and exponential time', () => {
  for (const source of ['^(a+)+$', '(?:a|a)*b', '"[^"]*,[^"]*;', '\\s+x'])
    assert.notEqual(mistakeOf({ file: '', source, flags: '' }), undefined, source)
})

/** They read configuration or the output of programs, before anything is served. */
const isConfiguration = ({ file }: Pattern): boolean => /^(?:config|trial)\/|^cli\.ts/.test(file)

test('no pattern takes more than linear time for a text that repeats what it may repeat', () => {
  for (const pattern of patterns.filter((one) => isUnbounded(one) && !isConfiguration(one))) {
    const mistake = mistakeOf(pattern)
    assert.equal(mistake, undefined, `${pattern.file} /${pattern.source}/ ${mistake}`)
  }
})

let it: Listening
before(async () => {
  it = await openListening()
})
after(() => it.close())

const HEADERS = [
  ...['Accept', 'Accept-Encoding', 'Authorization', 'Content-Type', 'Cookie', 'Flagd-Selector', 'If-Match'],
  ...['If-None-Match', 'Last-Event-ID', 'Origin', 'Range', 'Referer', 'Traceparent', 'Tracestate', 'X-API-Key'],
]
const REPEATED = [
  ' ',
  '\t ',
  ',',
  ', ',
  '""',
  '"W/',
  'a,',
  'a;q=0',
  '; ',
  '=',
  'gzip ,',
  '0.',
  'a=b;',
  '-',
  'fs_',
  '//:',
]
const PATHS = ['/v1/flags', '/api/v1/projects', '/ofrep/v1/evaluate/flags', '/', '/metrics', '/console/session']
const RESPONSE_MS = 1_000
/** Bun refuses heads of 16 KB. */
const HEADER_LENGTH = 12_000

test('no header of any text delays its response, in our patterns or in those of the libraries', async () => {
  const connection = await RawH1.connect(it.server.port)
  for (const name of HEADERS)
    for (const path of PATHS) {
      const values = REPEATED.map((unit) => `a${unit.repeat(HEADER_LENGTH / unit.length)}!`)
      const start = performance.now()
      for (const value of values) {
        const method = path.startsWith('/ofrep') ? 'POST' : 'GET'
        const key = name === 'Authorization' || name === 'X-API-Key' ? '' : `X-API-Key: ${ADMIN_KEY}\r\n`
        const head = `${method} ${path} HTTP/1.1\r\nHost: a\r\n${key}${name}: ${value}\r\nContent-Length: 0\r\n\r\n`
        const { status } = await connection.send(head)
        assert.ok(status < 500, `${name}: ${value.slice(0, 20)} at ${path}: ${status}`)
      }
      const ms = performance.now() - start
      assert.ok(ms < values.length * RESPONSE_MS, `${name} at ${path}: ${ms} ms`)
    }
  connection.close()
})
