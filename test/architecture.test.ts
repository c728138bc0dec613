import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, matchesGlob, relative } from 'node:path'
import { test } from 'node:test'
import { folderOf, LAYERS, layerOf } from './support/layers.ts'
import { SRC, sources } from './support/sources.ts'

const LINES_MAX = 250
const FOLDER_FILES_MAX = 15

/** What a source file imports of ours that is not erased with the types. */
function importsAtRuntime(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const named = [...text.matchAll(/^import (?!type )(?:[^']* from )?'(\.[^']+)'/gm)].map(([, name]) => name ?? '')
  return named.map((name) => relative(SRC, join(SRC, dirname(file), name)))
}

/** What takes long to load, and which a first evaluation does without: docs/decisions/0013-start.md. */
const LATER = [
  ...['pg', 'drizzle-orm', 'drizzle-orm/node-postgres', '@redis/client', '@upstash/redis'],
  ...['@hono/node-server'],
  ...['node:events', 'node:timers/promises', 'node:path', 'node:fs', 'node:stream'],
  ...['node:net', 'node:tls', 'node:crypto', 'node:zlib', 'node:util', 'node:http', 'node:http2'],
  ...['@bufbuild/protobuf', '@connectrpc/connect', 'hono-openapi', '@valibot/to-json-schema', 'jose'],
  ...['prom-client', '@hono/prometheus', '@hono/otel', '@opentelemetry/api', '@opentelemetry/sdk-trace'],
  ...[
    'routes/management/management.ts',
    'routes/console.ts',
    'routes/session.ts',
    'middleware/session.ts',
    'middleware/session-seal.ts',
    'grpc/server.ts',
    'repository/postgres/connection/pool.ts',
    'repository/postgres/tables.ts',
    'telemetry/open-telemetry.ts',
    'telemetry/prometheus.ts',
    'middleware/prometheus.ts',
    'middleware/otel.ts',
  ],
]

/**
 * Whether a package documents that it can be imported by this name: the package itself, or a subpath in the `exports` of its package.json,
 * such as `hono/cors` or `drizzle-orm/pg-core`. A pattern that opens a whole package (`./*`) documents nothing.
 */
function isExported(specifier: string): boolean {
  const [, name = '', rest] = /^((?:@[^/]+\/)?[^/]+)(?:\/(.+))?$/.exec(specifier) ?? []
  if (rest === undefined) return true
  const { exports = {} } = JSON.parse(readFileSync(join(SRC, '../node_modules', name, 'package.json'), 'utf8'))
  return Object.keys(exports).some((key) => key !== './*' && matchesGlob(`./${rest}`, key))
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** Files and packages that are loaded with a file: imported as more than a type, and not on first use. */
function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
  if (loaded.has(file)) return loaded
  loaded.add(file)
  for (const name of sources.find((source) => source.file === file)?.loads ?? []) loadedWith(name, loaded)
  return loaded
}

test('every folder has a layer', () => {
  assert.ok(sources.length > 50)
  for (const { file } of sources) assert.notEqual(layerOf(file), -1, `${file} has no layer`)
})

test('imports go down: to the own folder or to a lower layer', () => {
  for (const { file, imports } of sources)
    for (const path of imports)
      assert.ok(folderOf(path) === folderOf(file) || layerOf(path) < layerOf(file), `${file} must not import ${path}`)
})

test('no file reaches itself through its imports', () => {
  const graph = new Map(sources.map(({ file, imports }) => [file, imports]))
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(file), `cycle: ${[...trail, file].join(' -> ')}`)
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const { file } of sources) visit(file, [])
})

test('nothing is loaded before the stop signal is listened to', () => {
  const first = (text: string) => /(?:^import |await import\()(?:[^']* from )?'([^']+)'/m.exec(text)?.[1]
  const image = readFileSync(join(SRC, '../image/flagstaff.ts'), 'utf8')
  assert.equal(first(image), '../src/server/signals.ts')
  assert.doesNotMatch(image, /^import /m, 'what is imported is loaded as a whole before anything runs')
  assert.equal(first(readFileSync(join(SRC, 'main.ts'), 'utf8')), './server/signals.ts')
  const loaded = ['server/signals.ts']
  for (const file of loaded) loaded.push(...importsAtRuntime(file).filter((next) => !loaded.includes(next)))
  assert.ok(loaded.length <= 2, loaded.join())
})

test('what a first evaluation needs is loaded at start, and the rest with its first use', () => {
  const loaded = loadedWith('main.ts')
  for (const name of [
    'valibot',
    'app.ts',
    'routes/ofrep/evaluation-handler.ts',
    'repository/redis/client.ts',
    'flag/compile.ts',
  ])
    assert.ok(loaded.has(name), `${name} is loaded at start`)
  for (const name of LATER) assert.ok(!loaded.has(name), `${name} must not be loaded at start`)
  for (const { file, text } of sources)
    if (loaded.has(file) && file !== 'telemetry/log.ts')
      assert.ok(!text.includes('process.stdout'), `${file} makes process.stdout, which takes Bun as long as to start`)
})

test('what is loaded later is a file of ours: the names that a package exports are lost in a bundle when it is loaded by itself', () => {
  for (const { file, text } of sources)
    for (const [, name = ''] of text.matchAll(/\bimport\('([^']+)'\)/g))
      assert.match(name, /^(\.|node:)/, `${file} loads ${name} by itself`)
})

test('no file is longer than 250 lines', () => {
  for (const { file, text } of sources) {
    const lines = text.split('\n').length
    assert.ok(lines <= LINES_MAX, `${file} has ${lines} lines, more than ${LINES_MAX}`)
  }
})

test('flag/ imports no package; only repository/ imports the database driver', () => {
  for (const { file, packages } of sources) {
    if (folderOf(file) === 'flag') assert.deepEqual(packages, [], `${file} must import nothing from outside`)
    if (folderOf(file) !== 'repository')
      for (const name of packages) assert.ok(!/^(pg|drizzle-orm)(\/|$)/.test(name), `${file} must not import ${name}`)
  }
})

test('console/ runs in the browser: it imports only itself and flag/, and nothing imports it', () => {
  for (const { file, imports } of sources) {
    const isConsole = folderOf(file) === 'console'
    for (const path of imports)
      if (isConsole) assert.ok(['console', 'flag'].includes(folderOf(path)), `${file} must not import ${path}`)
      else assert.notEqual(folderOf(path), 'console', `${file} must not import ${path}`)
  }
})

test('only the entry points read the environment of the process', () => {
  for (const { file, text } of sources)
    if (layerOf(file) < LAYERS.length - 1) assert.ok(!text.includes('process.env'), `${file} reads process.env`)
})

test('packages are imported by names that they export, never from their inside', () => {
  for (const { file, packages } of sources)
    for (const name of packages.filter((name) => !/^(node|bun):/.test(name)))
      assert.ok(isExported(name), `${file} imports ${name}, which its package does not export`)
})

test('no folder has more than 15 files, styles and migrations included', () => {
  const files = readdirSync(SRC, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const folders = files.map(({ parentPath }) => relative(SRC, parentPath))
  const counts = countBy(folders.filter((folder) => !/(?:^|\/)gen(?:\/|$)/.test(folder)))
  for (const [folder, count] of counts) assert.ok(count <= FOLDER_FILES_MAX, `${folder} has ${count} files`)
})

test('an exported type or class has a name of its own', () => {
  const files = new Map<string, string[]>()
  for (const { file, text } of sources)
    for (const [, name = ''] of text.matchAll(/^export (?:abstract )?(?:type|interface|class) (\w+)/gm))
      files.set(name, [...(files.get(name) ?? []), file])
  const shared = [...files].filter(([, where]) => where.length > 1)
  assert.deepEqual(shared, [], 'names that several files export')
})
