import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const SRC = join(import.meta.dirname, '../src')
/** Lowest first. Rooms on one floor do not know each other. */
const FLOORS = [['flag', 'telemetry'], ['store'], ['snapshot'], ['http', 'rpc', 'run'], ['main.ts', 'admin.ts']]
const LINES_MAX = 250

/** What a source file imports of ours that is not erased with the types. */
function importsAtRuntime(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const named = [...text.matchAll(/^import (?!type )(?:[^']* from )?'(\.[^']+)'/gm)].map(([, name]) => name ?? '')
  return named.map((name) => relative(SRC, join(SRC, dirname(file), name)))
}

type Source = { file: string; text: string; imports: string[]; packages: string[] }

const room = (file: string) => file.split('/')[0] ?? file
const floor = (file: string) => FLOORS.findIndex((rooms) => rooms.includes(room(file)))

/** Every hand-written source file, with the source files and the packages it imports, types included. */
const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('/gen/'))
  .map((file) => {
    const text = readFileSync(join(SRC, file), 'utf8')
    const named = [...text.matchAll(/(?:from |import |import\()'([^']+)'/g)].map((match) => match[1] ?? '')
    const imports = named
      .filter((name) => name.startsWith('.'))
      .map((path) => relative(SRC, join(SRC, dirname(file), path)))
    return { file, text, imports, packages: named.filter((name) => !name.startsWith('.')) }
  })

test('there is something to look at, and every room has a floor', () => {
  assert.ok(sources.length > 50)
  for (const { file } of sources) assert.notEqual(floor(file), -1, `${file} lives on no floor`)
})

test('a file imports from its own room or from a lower floor', () => {
  for (const { file, imports } of sources)
    for (const path of imports)
      assert.ok(room(path) === room(file) || floor(path) < floor(file), `${file} must not import ${path}`)
})

test('no file reaches itself through its imports', () => {
  const graph = new Map(sources.map(({ file, imports }) => [file, imports]))
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(file), `circle: ${[...trail, file].join(' -> ')}`)
    if (done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const { file } of sources) visit(file, [])
})

test('nothing is loaded before the stop signal is listened to', () => {
  const first = (text: string) => /(?:^import |await import\()(?:[^']* from )?'([^']+)'/m.exec(text)?.[1]
  const image = readFileSync(join(SRC, '../image/flagstaff.ts'), 'utf8')
  assert.equal(first(image), '../src/run/stopped.ts')
  assert.doesNotMatch(image, /^import /m, 'what is imported is loaded as a whole before anything runs')
  assert.equal(first(readFileSync(join(SRC, 'main.ts'), 'utf8')), './run/stopped.ts')
  const loaded = ['run/stopped.ts']
  for (const file of loaded) loaded.push(...importsAtRuntime(file).filter((next) => !loaded.includes(next)))
  assert.ok(loaded.length <= 2, loaded.join())
})

test('what prints metrics or sends telemetry is loaded when it is needed, not at start', () => {
  const atStart = new Set<string>()
  const visit = (file: string): void => {
    if (atStart.has(file)) return
    atStart.add(file)
    for (const next of sources.find((source) => source.file === file)?.imports ?? [])
      if (!sources.find((source) => source.file === file)?.text.includes(`import('./${basename(next)}')`)) visit(next)
  }
  visit('main.ts')
  assert.ok(atStart.has('http/metrics.ts'))
  const packages = sources.filter(({ file }) => atStart.has(file)).flatMap((source) => source.packages)
  assert.ok(packages.includes('hono'))
  for (const name of ['prom-client', '@hono/prometheus', '@hono/otel', '@opentelemetry/sdk-node'])
    assert.ok(!packages.includes(name), name)
})

test('every file fits in one sitting', () => {
  for (const { file, text } of sources) {
    const lines = text.split('\n').length
    assert.ok(lines <= LINES_MAX, `${file} has ${lines} lines, more than ${LINES_MAX}`)
  }
})

test('what a flag is knows nothing but itself; Postgres is known to the store alone', () => {
  for (const { file, packages } of sources) {
    if (room(file) === 'flag') assert.deepEqual(packages, [], `${file} must import nothing from outside`)
    if (room(file) !== 'store')
      for (const name of packages)
        assert.ok(!/^(postgres|drizzle-orm)(\/|$)/.test(name), `${file} must not import ${name}`)
  }
})

test('only the roof reads the environment of the process', () => {
  for (const { file, text } of sources)
    if (floor(file) < FLOORS.length - 1) assert.ok(!text.includes('process.env'), `${file} reads process.env`)
})
