import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import type Docker from 'dockerode'
import { build } from 'esbuild'
import { rolldown } from 'rolldown'
import { type Bases, imageOf, RELEASE } from './build.ts'
import { type Check, fileOf, filesOf } from './container.ts'

type Component = {
  type: string
  name: string
  group?: string
  version?: string
  purl?: string
  hashes?: object[]
  licenses?: object[]
}

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))

/** Checks that the SBOM in an image names what is in it, beside other bundlers than those that made it, and the image itself. */
export async function checkSbom(
  docker: Docker,
  { name, bases }: { name: string; bases: Bases },
  check: Check,
): Promise<void> {
  const image = imageOf(name)
  const text = (await fileOf(docker, image, '/app/sbom.cdx.json')).toString()
  const sbom: { metadata: any; components: Component[]; dependencies: any[] } = JSON.parse(text)
  const npm = sbom.components.filter(({ purl }) => purl?.startsWith('pkg:npm/'))
  const bundled = await serverFolders()
  // Bun brings some packages itself, such as ws, and leaves out those that only export another: its program has the last word.
  const program = name === 'bun' ? namesIn(await fileOf(docker, image, '/app/flagstaff')) : undefined
  const server = bundled.filter((folder) => program?.has(packageIn(folder)) ?? true)
  const fullName = ({ group, name }: Component) => (group ? `${group}/${name}` : name)

  await check(`${name}: its SBOM is valid CycloneDX 1.6, of this version and time`, async () => {
    assert.equal(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text), null)
    assert.equal(sbom.metadata.component.version, read('package.json').version)
    assert.equal(Date.parse(sbom.metadata.timestamp), Date.parse(RELEASE.CREATED))
  })
  await check(`${name}: its SBOM names exactly the packages of its bundle and of its console`, async () => {
    const folders = new Set([...server, ...(await consoleFolders())])
    const expected = [...folders].map((folder) => `${packageIn(folder)}@${read(`${folder}/package.json`).version}`)
    assert.deepEqual(npm.map((component) => `${fullName(component)}@${component.version}`).sort(), expected.sort())
    for (const { name, hashes, licenses } of npm) assert.ok(hashes?.length === 1 && licenses?.length, name)
    return `${npm.length} packages`
  })
  if (program)
    await check(`${name}: its program names no other packages as sources of its code`, async () => {
      const known = new Set([...namesIn(readFileSync(join(ROOT, 'node_modules/.bin/bun'))), ...bundled.map(packageIn)])
      assert.deepEqual(
        [...program].filter((name) => !known.has(name)),
        [],
      )
    })
  await check(
    `${name}: its SBOM names the runtime, the base by digest, and the Debian packages of the base`,
    async () => {
      const runtime = sbom.components.find(({ type }) => type === 'platform')
      const version = execFileSync(join(ROOT, 'node_modules/.bin', name), ['--version'], { encoding: 'utf8' })
      assert.deepEqual([runtime?.name, runtime?.version], [name, version.trim().replace(/^v/, '')])
      const base = sbom.components.find(({ type }) => type === 'container')
      assert.equal(`${base?.name}@${base?.version}`, bases[`${name.toUpperCase()}_BASE`])
      const paths = (await filesOf(docker, image)).map(({ path }) => path)
      const installed = paths.flatMap((path) => /^var\/lib\/dpkg\/status\.d\/(.+)/.exec(path)?.[1] ?? [])
      const debian = sbom.components.filter(({ purl }) => purl?.startsWith('pkg:deb/'))
      assert.deepEqual(debian.map(({ name }) => name).sort(), installed.sort())
      assert.ok(debian.length > 0)
    },
  )
  await check(`${name}: its SBOM says what depends on what, and nothing in it stands alone`, async () => {
    const { dependencies } = sbom
    const reached = new Set<string>()
    const visit = (ref: string) => {
      if (reached.has(ref)) return
      reached.add(ref)
      for (const next of dependencies.find((entry) => entry.ref === ref)?.dependsOn ?? []) visit(next)
    }
    visit(sbom.metadata.component['bom-ref'])
    assert.deepEqual(npm.filter(({ purl = '' }) => !reached.has(purl)).map(fullName), [])
  })
}

/** Package folders of the server, by esbuild; the images are made by Bun and rolldown. */
async function serverFolders(): Promise<string[]> {
  const options = {
    bundle: true,
    write: false,
    metafile: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
  } as const
  const entryPoints = ['image/flagstaff.ts']
  const { metafile } = await build({ ...options, absWorkingDir: ROOT, entryPoints, outdir: 'dist', external: ['bun'] })
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return foldersOf(inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])))
}

/** Package folders of the console, by rolldown; the images' console is made by esbuild. */
async function consoleFolders(): Promise<string[]> {
  const bundle = await rolldown({
    cwd: ROOT,
    input: ['src/console/main.tsx', 'src/console/ahead.ts'],
    resolve: { alias: { react: 'preact/compat', 'react-dom': 'preact/compat' } },
    transform: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    plugins: [
      {
        name: 'no-styles',
        load: (id) => (id.endsWith('.css') ? { code: 'export default {}', moduleType: 'js' } : null),
      },
    ],
    logLevel: 'silent',
  })
  const { output } = await bundle.generate()
  const modules = output.flatMap((file) => (file.type === 'chunk' ? Object.entries(file.modules) : []))
  return foldersOf(modules.flatMap(([path, { renderedLength }]) => (renderedLength > 0 ? [path] : [])))
}

/** Folders below the root, such as `node_modules/@hono/otel`. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = paths.map((path) => /node_modules\/(?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))]
}

const packageIn = (folder: string) => folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** The packages whose paths are in a program. */
function namesIn(program: Buffer): Set<string> {
  const paths = program.toString('latin1').matchAll(/node_modules\/((?:@[\w.-]+\/)?[\w-][\w.-]*)(?=\/)/g)
  return new Set([...paths].map(([, name = '']) => name))
}
