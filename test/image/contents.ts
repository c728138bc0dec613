import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type Docker from 'dockerode'
import { imageOf, RELEASE } from './build.ts'
import { type Check, filesOf, runToEnd } from './container.ts'

export type Target = {
  readonly name: string
  /** Maximum size, unpacked, with the libraries of its base. */
  readonly megabytesMax: number
  readonly entrypoint: readonly string[]
  readonly ports: readonly string[]
}

const { license } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
const MIGRATIONS = join(import.meta.dirname, '../../src/repository/postgres/migrations')

/** Checks of an image that do not start the service. */
export async function checkContents(docker: Docker, target: Target, check: Check): Promise<void> {
  const { name, megabytesMax, entrypoint, ports } = target
  const image = imageOf(name)

  await check(`${name}: has at most ${megabytesMax} MB`, async () => {
    const megabytes = (await docker.getImage(image).inspect()).Size / 1e6
    assert.ok(megabytes <= megabytesMax, `${megabytes} MB`)
    return `${megabytes.toFixed(1)} MB unpacked`
  })
  await check(`${name}: tells what it is, who runs it and by which signal it ends`, async () => {
    const { Config } = await docker.getImage(image).inspect()
    assert.equal(Config.User, '65532:65532')
    assert.deepEqual(Config.Entrypoint, entrypoint)
    assert.deepEqual(Config.Cmd ?? [], [])
    assert.equal((Config as { StopSignal?: string }).StopSignal, 'SIGTERM')
    assert.deepEqual(Object.keys(Config.ExposedPorts ?? {}), ports)
    const labels = Config.Labels ?? {}
    for (const [argument, value] of Object.entries(RELEASE))
      assert.equal(labels[`org.opencontainers.image.${argument.toLowerCase()}`], value)
    assert.equal(labels['org.opencontainers.image.licenses'], license)
    for (const label of ['title', 'description', 'base.name']) assert.ok(labels[`org.opencontainers.image.${label}`])
  })
  await check(
    `${name}: holds only what runs: no shell, no package, no source, nothing that its user may write`,
    async () => {
      const files = await filesOf(docker, image)
      const paths = files.map(({ path }) => path)
      const journal: { entries: { tag: string }[] } = JSON.parse(
        readFileSync(join(MIGRATIONS, 'meta/_journal.json'), 'utf8'),
      )
      for (const path of ['meta/_journal.json', ...journal.entries.map(({ tag }) => `${tag}.sql`)])
        assert.ok(paths.includes(`app/migrations/${path}`), path)
      for (const path of [
        'index.html',
        'frame.html',
        'assets/main-\\w+\\.js',
        'assets/main-\\w+\\.js\\.br',
        'assets/console-\\w+\\.css\\.gz',
      ])
        assert.ok(
          paths.some((name) => new RegExp(`^app/console/${path}$`).test(name)),
          path,
        )
      for (const path of paths)
        assert.doesNotMatch(path, /node_modules|\.ts$|\.npmrc|package\.json|(^|\/)(ba|da)?sh$|busybox/)
      for (const { path, owner, mode } of files.filter(({ path }) => path.startsWith('app')))
        assert.ok(owner === '0/0' && /^.{5}-..-.$/.test(mode), `${path} is ${owner}'s, ${mode}`)
      for (const { path, mode } of files) assert.doesNotMatch(mode, /s/i, `${path} gives its user another's rights`)
    },
  )
  await check(`${name}: reports a missing database in one line`, async () => {
    const output = 'Cannot start: DATABASE_URL is not set, and this build brings no database for trial mode\n'
    assert.deepEqual(await runToEnd(docker, image, []), { code: 1, output })
  })
  if (name === 'node')
    await check(`${name}: starts from code that was compiled with the image`, async () => {
      const { output } = await runToEnd(docker, image, [], { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
      assert.match(output, /cache for ESM \S+\/app\/main-\w+\.mjs was accepted/)
    })
  await check(`${name}: refuses a word that it does not know, in one line`, async () => {
    const output = 'Cannot start: expected no argument, "admin <command>" or "operator", got "sh"\n'
    assert.deepEqual(await runToEnd(docker, image, ['sh']), { code: 1, output })
  })
}
