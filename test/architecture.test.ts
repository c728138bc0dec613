import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const SRC = join(import.meta.dirname, '../src')
/** Lowest first. Folders of one layer do not import each other. */
const LAYERS = [
  ['flag'],
  ['telemetry'],
  ['repository'],
  ['cache', 'config'],
  ['middleware'],
  ['routes', 'grpc'],
  ['app.ts', 'server'],
  ['trial'],
  ['main.ts', 'cli.ts'],
]
const LINES_MAX = 250

/** What a source file imports of ours that is not erased with the types. */
function importsAtRuntime(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const named = [...text.matchAll(/^import (?!type )(?:[^']* from )?'(\.[^']+)'/gm)].map(([, name]) => name ?? '')
  return named.map((name) => relative(SRC, join(SRC, dirname(file), name)))
}

/** What takes long to load, and which a first evaluation does without: docs/decisions/0013-start.md. */
const LATER = [
  ...['pg', 'drizzle-orm', 'drizzle-orm/node-postgres', '@redis/client', '@upstash/redis'],
  ...['hono', 'hono/cors', 'hono/http-exception', 'hono/route', 'app.ts', '@hono/node-server'],
  ...['node:events', 'node:timers/promises', 'node:path', 'node:fs', 'node:stream'],
  ...['node:net', 'node:tls', 'node:crypto', 'node:zlib', 'node:util', 'node:http', 'node:http2'],
  ...['@bufbuild/protobuf', '@connectrpc/connect', 'hono-openapi', '@valibot/to-json-schema'],
  ...['prom-client', '@hono/prometheus', '@hono/otel', '@opentelemetry/api', '@opentelemetry/sdk-trace'],
  ...[
    'routes/management/management.ts',
    'grpc/services.ts',
    'repository/postgres/pool.ts',
    'repository/postgres/tables.ts',
    'telemetry/open-telemetry.ts',
    'telemetry/prometheus.ts',
    'middleware/prometheus.ts',
    'middleware/otel.ts',
  ],
]

type Source = { file: string; text: string; imports: string[]; packages: string[]; loads: string[] }

/** The folder of a file directly below `src`, or the file itself. */
const folderOf = (file: string) => file.split('/')[0] ?? file
const layerOf = (file: string) => LAYERS.findIndex((folders) => folders.includes(folderOf(file)))

/** Every hand-written source file, with the source files and the packages it imports, types included, and those that are loaded with it. */
const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('/gen/'))
  .map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8')
    const named = [...text.matchAll(/(?:from |import |import\()'([^']+)'/g)].map((match) => match[1] ?? '')
    const imports = named
      .filter((name) => name.startsWith('.'))
      .map((path) => relative(SRC, join(SRC, dirname(file), path)))
    const loads = [...text.matchAll(/^(?:import|export)(?! type )[^'(]*'([^']+)'/gm)]
      .map((match) => match[1] ?? '')
      .map((name) => (name.startsWith('.') ? relative(SRC, join(SRC, dirname(file), name)) : name))
    return { file, text, imports, packages: named.filter((name) => !name.startsWith('.')), loads }
  })

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
  for (const name of ['valibot', 'routes/ofrep/evaluations.ts', 'repository/redis/connection.ts', 'flag/compile.ts'])
    assert.ok(loaded.has(name), `${name} is loaded at start`)
  for (const name of LATER) assert.ok(!loaded.has(name), `${name} must not be loaded at start`)
  for (const { file, text } of sources)
    if (loaded.has(file) && file !== 'telemetry/log.ts')
      assert.ok(!text.includes('process.stdout'), `${file} makes process.stdout, which takes Bun as long as to start`)
})

test('Node is not made to load undici: node:http and what stands on it are not imported where it listens', () => {
  for (const { file, loads } of sources.filter(({ file }) => /^server\/.*(node|lazy)[^/]*\.ts$/.test(file)))
    for (const name of ['node:http', 'node:https', 'node:http2', 'node:tls'])
      assert.ok(!loads.includes(name), `${file} imports ${name}, all of whose exports Node then looks at`)
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

test('only the entry points read the environment of the process', () => {
  for (const { file, text } of sources)
    if (layerOf(file) < LAYERS.length - 1) assert.ok(!text.includes('process.env'), `${file} reads process.env`)
})
