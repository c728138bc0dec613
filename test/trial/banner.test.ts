import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { banner } from '../../src/trial/banner.ts'

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const PORTS = { port: 8080, grpcPort: 8081 }

test('the README shows the text that trial mode prints', () => {
  const text = banner(PORTS, { folder: '.flagstaff', hasConsole: true })
  assert.ok(README.includes(`\`\`\`${text.replace(resolve('.flagstaff'), './.flagstaff')}\`\`\``))
})

test('the text names the console first, unless it is off', () => {
  const [first] = banner(PORTS, { folder: 'a', hasConsole: true }).match(/\S+\/\S+\/\S*\n/) ?? []
  assert.equal(first, 'http://127.0.0.1:8080/console/\n')
  assert.doesNotMatch(banner(PORTS, { folder: 'a', hasConsole: false }), /console/)
})
