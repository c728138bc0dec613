import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'generated-'))
after(() => rmSync(folder, { recursive: true }))

const read = (from: string) =>
  Object.fromEntries(
    readdirSync(from, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [path.slice(from.length + 1), readFileSync(path, 'utf8')]),
  )

test('the generated message code matches the output of "npm run generate" for proto/', () => {
  const bin = join(ROOT, 'node_modules/.bin')
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}` }
  execFileSync('buf', ['generate', 'proto', '--template', 'proto/buf.gen.yaml', '-o', folder], { cwd: ROOT, env })
  const made = read(join(folder, 'src/grpc/gen'))
  assert.equal(Object.keys(made).length, 12)
  assert.deepEqual(read(join(ROOT, 'src/grpc/gen')), made)
})
