import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readConfig } from '../../src/config/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'flagstaff-config-'))
after(() => rmSync(folder, { recursive: true }))

const DATABASE_URL = 'postgres://flagstaff:hush@db.example:5432/flags'
const file = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const mistakesOf = (env: Record<string, string>): string[] => {
  try {
    readConfig(env)
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => {
      assert.match(line, /^Cannot start: [A-Z_]+( and [A-Z_]+)?: ./)
      return line.slice('Cannot start: '.length)
    })
  }
  return []
}

test('readConfig() without variables is trial mode, for this machine only', () => {
  const config = readConfig({})
  assert.equal(config.mode, 'trial')
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.port, 8080)
  assert.equal(config.drainSeconds, 8)
  assert.equal(config.adminKey, undefined)
})

test('readConfig() with a database listens on all interfaces', () => {
  const config = readConfig({ DATABASE_URL, PORT: '9000' })
  assert.ok(config.mode === 'service')
  assert.deepEqual(config.database.hosts, [{ host: 'db.example', address: undefined, port: 5432 }])
  assert.equal(config.host, '0.0.0.0')
  assert.equal(config.port, 9000)
})

test('readConfig() names every bad variable at once, and shows no value', () => {
  const secret = 'SECRET-value'
  const env = {
    PORT: secret,
    HOST: secret.repeat(30),
    DATABASE_URL: `mysql://root:${secret}@host/db`,
    FLAGSTAFF_ADMIN_KEY: secret,
    FLAGSTAFF_ADMINKEY: secret,
    FRESHNESS_MS: secret,
    TRUTH_CHECK_MS: secret,
    REDIS_URL: secret,
    UPSTASH_REDIS_REST_TOKEN: secret,
    DRAIN_SECONDS: '0',
    BODY_BYTES_MAX: '1e9',
    CORS_ORIGINS: `https://${secret}/path`,
    LOG_LEVEL: secret,
  }
  const mistakes = mistakesOf(env)
  for (const name of Object.keys(env))
    assert.ok(
      mistakes.some((mistake) => mistake.split(': ')[0]?.split(' and ').includes(name)),
      `${name} in ${mistakes.join('\n')}`,
    )
  assert.ok(!mistakes.join().includes(secret), mistakes.join('\n'))
})

for (const [name, values] of [
  ['PORT', ['-1', '65536', '80.5', '0x50', '8 0', '1e3', '99999999999999']],
  ['DRAIN_SECONDS', ['0', '3601', 'eight']],
  ['DRAIN_DELAY_SECONDS', ['-1', '5', 'four']], // 5 is more than half of 8
  ['DATABASE_URL', ['localhost', 'http://db/flags', 'postgres']],
  [
    'CORS_ORIGINS',
    [
      ...['*', 'https://a.example/', 'https://a.example,b.example', 'https://A.example', 'https://*.example'],
      ...['https://*', 'https://*a.example', 'https://a.*.example', 'https://*.*.a.example', 'https://*.127.0.0.1'],
    ],
  ],
  [
    'FLAGSTAFF_ADMIN_KEY',
    ['short', `${'k'.repeat(24)}\n${'k'.repeat(24)}`, `${'k'.repeat(24)} k`, 'ключ'.repeat(6), 'k'.repeat(513)],
  ],
  ['UPSTASH_REDIS_REST_URL', ['a', 'redis://a', 'https://u:p@a', 'https://a?b=c', 'https://a#b']],
  ['LOG_LEVEL', ['INFO', 'trace']],
  ['FLAGSTAFF_METRICS', ['true', 'OFF']],
  ['FLAGSTAFF_STREAMS', ['true', 'ON']],
  ['FLAGSTAFF_CONSOLE', ['true', 'OFF']],
  ['FLAGSTAFF_PUBLIC_PATH', ['/', 'flags', '/flags/', '/a//b', '/..', '/a"b', '//host', `/${'a'.repeat(200)}`]],
  ['FLAGSTAFF_STREAM_URL', ['streams.example', 'https://streams.example/', 'https://a.example/x', 'redis://a']],
  ['STREAM_SECONDS_MAX', ['9', '1h']],
  ['REQUESTS_MAX', ['-1', 'many']],
] as const)
  for (const value of values)
    test(`${name}=${JSON.stringify(value)} is refused`, () => {
      assert.match(mistakesOf({ DATABASE_URL, [name]: value })[0] ?? '', new RegExp(`^${name}: expected `))
    })

test('a delay that is too long is reported together with other mistakes', () => {
  const mistakes = mistakesOf({ DATABASE_URL, DRAIN_DELAY_SECONDS: '5', FLAGSTAFF_NOTHING: 'x' })
  assert.deepEqual(
    mistakes.map((mistake) => mistake.split(':')[0]),
    ['FLAGSTAFF_NOTHING', 'DRAIN_DELAY_SECONDS'],
  )
})

test('an empty variable is none', () => {
  const config = readConfig({ PORT: '', DATABASE_URL: '', FLAGSTAFF_ADMIN_KEY: '', CORS_ORIGINS: '' })
  assert.equal(config.mode, 'trial')
  assert.equal(config.port, 8080)
  assert.equal(config.corsOrigins, undefined)
})

test('values of variables and of files that NAME_FILE names lose surrounding white space', () => {
  const key = 'a-secret-of-at-least-24-characters'
  for (const end of ['', '\n', '\r\n', ' \n\n', '\t']) {
    const config = readConfig({
      DATABASE_URL_FILE: file('url', `${DATABASE_URL}${end}`),
      FLAGSTAFF_ADMIN_KEY: `${end}${key}${end}`,
      PORT: `${end}80`,
    })
    assert.ok(config.mode === 'service')
    assert.equal(config.database.database, 'flags')
    assert.deepEqual([config.adminKey, config.port], [key, 80])
  }
})

test('a blank secret is a mistake and does not select trial mode', () => {
  assert.deepEqual(mistakesOf({ DATABASE_URL: ' \n' }), ['DATABASE_URL: it is blank'])
})

test('mistakes in URLs are found at start, and the errors contain no part of the URL', () => {
  const mistakes = mistakesOf({
    DATABASE_URL: 'postgres://u:SECRET%zz@h/d?sslmode=SECRET&SECRET=1',
    REDIS_URL: 'redis://u:SECRET%@h',
  })
  assert.equal(mistakes.length, 2)
  assert.match(mistakes.find((line) => line.startsWith('DATABASE_URL: ')) ?? '', /hexadecimal/)
  assert.match(mistakes.find((line) => line.startsWith('REDIS_URL: ')) ?? '', /hexadecimal/)
  assert.ok(!mistakes.join().includes('SECRET'))
})

test('NAME_FILE with NAME, or naming no file, is a mistake, and the only one reported', () => {
  const both = mistakesOf({ DATABASE_URL, DATABASE_URL_FILE: file('other', DATABASE_URL) })
  assert.deepEqual(both, ['DATABASE_URL: set it or DATABASE_URL_FILE, not both'])
  const missing = mistakesOf({ HOST: '0.0.0.0', DATABASE_URL_FILE: join(folder, 'missing') })
  assert.deepEqual(missing, ['DATABASE_URL_FILE: cannot read the file that it names'])
  assert.deepEqual(mistakesOf({ DATABASE_URL_FILE: folder }), ['DATABASE_URL_FILE: cannot read the file that it names'])
})

test('trial mode serves this machine only', () => {
  assert.deepEqual(mistakesOf({ HOST: '0.0.0.0' }), [
    'HOST: trial mode answers on 127.0.0.1 only; set DATABASE_URL to serve others',
  ])
})

test('origins are a list', () => {
  const { corsOrigins } = readConfig({
    CORS_ORIGINS: 'https://a.example, https://*.a.example:444, http://localhost:5173,',
  })
  assert.deepEqual(corsOrigins, ['https://a.example', 'https://*.a.example:444', 'http://localhost:5173'])
})

test('a secret file that is empty or missing does not select trial mode', () => {
  const empty = file('empty', '\n')
  assert.deepEqual(mistakesOf({ DATABASE_URL_FILE: empty, HOST: '0.0.0.0' }), [
    'DATABASE_URL_FILE: the file that it names is empty',
  ])
  assert.deepEqual(mistakesOf({ DATABASE_URL_FILE: '/nowhere', HOST: '0.0.0.0' }), [
    'DATABASE_URL_FILE: cannot read the file that it names',
  ])
})

test('the variables that Kubernetes sets for a Service named flagstaff are accepted', () => {
  const links = {
    FLAGSTAFF_SERVICE_HOST: '10.0.0.1',
    FLAGSTAFF_SERVICE_PORT: '80',
    FLAGSTAFF_SERVICE_PORT_HTTP: '80',
    FLAGSTAFF_PORT: 'tcp://10.0.0.1:80',
    FLAGSTAFF_PORT_80_TCP: 'tcp://10.0.0.1:80',
    FLAGSTAFF_PORT_80_TCP_ADDR: '10.0.0.1',
    FLAGSTAFF_CANARY_SERVICE_HOST: '10.0.0.2',
  }
  assert.equal(readConfig({ ...links, DATABASE_URL }).mode, 'service')
})
