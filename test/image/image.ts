// npm run image: builds both images of the Containerfile and runs them with the recommended restrictions, read-only and without capabilities, on
// a real Postgres and Redis. It needs root, buildah, podman, runc and python3, but no image registry: the base images are built from programs of this machine.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestServer } from '../support/server.ts'
import { buildBases, buildImages, imageOf, LACKING } from './build.ts'
import { checkContents } from './contents.ts'
import { startEngine } from './engine.ts'
import { checkSbom } from './sbom.ts'
import { checkService } from './service.ts'
import { checkSignatures } from './signatures.ts'

const TARGETS = [
  {
    name: 'bun',
    megabytesMax: 135,
    entrypoint: ['/app/flagstaff'],
    ports: ['8080/tcp', '8081/tcp'],
  },
  {
    name: 'node',
    megabytesMax: 165,
    entrypoint: ['/nodejs/bin/node', '/app/flagstaff.mjs'],
    ports: ['8080/tcp'],
  },
]
const NAMES = TARGETS.map(({ name }) => name)

if (LACKING.length > 0) {
  console.error(`Cannot build images: this needs ${LACKING.join(', ')}`)
  process.exit(1)
}
const begin = performance.now()
const folder = mkdtempSync(join(tmpdir(), 'flagstaff-image-'))
/** Cleans up in reverse order. */
const undo: (() => Promise<void> | void)[] = [
  () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
]
let closing: Promise<void> | undefined
const close = () => {
  closing ??= (async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step()
  })()
  return closing
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => close().finally(() => process.exit(1)))

let [passed, failed] = [0, 0]
try {
  const server = await startTestServer()
  undo.push(server.stop)
  const engine = await startEngine(folder)
  undo.push(engine.close)
  const bases = await buildBases(engine, folder)
  await check('both images are built', () => buildImages(engine, { folder, bases, targets: NAMES }))
  for (const target of failed > 0 ? [] : TARGETS) {
    await checkContents(engine.docker, target, check)
    await checkSbom(engine.docker, { name: target.name, bases }, check)
    await checkSignatures(engine, { name: target.name, folder, bases }, check)
    await checkService(engine.docker, target, check)
  }
  await check('both images are the same, byte for byte, when other copies of the sources are built', async () => {
    await buildImages(engine, { folder, bases, targets: NAMES, edition: '-again' })
    for (const name of NAMES) {
      const [one, other] = await Promise.all(
        ['', '-again'].map((edition) => engine.docker.getImage(imageOf(`${name}${edition}`)).inspect()),
      )
      assert.deepEqual(other?.RootFS.Layers, one?.RootFS.Layers, name)
      assert.equal(await engine.reference(imageOf(`${name}-again`)), await engine.reference(imageOf(name)))
    }
  })
} finally {
  await close()
}
console.log(`Done in ${secondsSince(begin)}\n${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)

async function check(promise: string, keep: () => Promise<unknown>): Promise<void> {
  const since = performance.now()
  try {
    const figure = await keep()
    console.log(`ok      ${promise}${typeof figure === 'string' ? `: ${figure}` : ''} (${secondsSince(since)})`)
    passed += 1
  } catch (error) {
    console.log(`FAILED  ${promise}: ${error instanceof Error ? error.stack : String(error)}`)
    failed += 1
  }
}

function secondsSince(begin: number): string {
  return `${((performance.now() - begin) / 1_000).toFixed(1)} s`
}
