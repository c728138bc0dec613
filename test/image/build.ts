import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, globSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Base, layOut } from './base.ts'
import type { Engine } from './engine.ts'

const ROOT = join(import.meta.dirname, '../..')
const NODE = join(ROOT, 'node_modules/.bin/node')
const BUN = join(ROOT, 'node_modules/.bin/bun')
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'
/** What .dockerignore lets through, and the Containerfile. */
const SOURCES = ['package.json', 'package-lock.json', 'tsconfig.json', '.npmrc', 'src', 'image', 'LICENSE']

/** The Containerfile's arguments, as for a release. */
export const RELEASE = {
  VERSION: '1.2.3',
  REVISION: '0123456789abcdef0123456789abcdef01234567',
  CREATED: '2026-01-02T03:04:05Z',
  SOURCE: 'https://github.com/example/flagstaff',
}
/** Required programs that are missing. */
export const LACKING = [
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...['buildah', 'podman', 'runc', 'python3'].filter((program) => whereIs(program) === undefined),
]

export const imageOf = (name: string) => `localhost/flagstaff:${name}`
/** References of the base images by digest, by their arguments in the Containerfile. */
export type Bases = Readonly<Record<string, string>>

/** Builds substitutes for the base images. */
export async function buildBases(engine: Engine, folder: string): Promise<Bases> {
  const bases = {
    BUILD_BASE: buildBase(),
    BUN_BASE: { awaited: [BUN] },
    NODE_BASE: { programs: { 'nodejs/bin/node': NODE } },
  }
  const references: Record<string, string> = {}
  for (const [name, base] of Object.entries(bases)) {
    await buildBaseImage(engine, join(folder, name), base, name)
    references[name] = await engine.reference(imageOf(name.toLowerCase()))
  }
  return references
}

/** Builds the targets of the Containerfile from a copy of the sources. Images of another `edition` get other names. */
export async function buildImages(
  engine: Engine,
  {
    folder,
    bases,
    targets,
    edition = '',
  }: { folder: string; bases: Bases; targets: readonly string[]; edition?: string },
): Promise<void> {
  const context = join(folder, `sources${edition}`)
  for (const name of [...SOURCES, 'Containerfile', '.dockerignore'])
    cpSync(join(ROOT, name), join(context, name), { recursive: true })
  const npmrc = join(folder, 'npmrc')
  writeFileSync(npmrc, `registry=${output('npm', 'config', 'get', 'registry')}`)
  const options = [
    ...Object.entries({ ...bases, ...RELEASE }).map(([name, value]) => `--build-arg=${name}=${value}`),
    `--timestamp=${Date.parse(RELEASE.CREATED) / 1_000}`,
    `--secret=id=npmrc,src=${npmrc}`,
  ]
  const build = imageOf(`build${edition}`)
  await engine.build(build, context, [...options, '--target=build'])
  // The stage that both share is built once.
  const shared = `--build-context=build=container-image://${build}`
  for (const target of targets)
    await engine.build(imageOf(`${target}${edition}`), context, [...options, shared, `--target=${target}`])
}

/** A shell, the only command of the build besides npm, and npm on Node; the libraries of the bundler, which npm installs, are libc's. */
function buildBase(): Base {
  const certificates = process.env['NODE_EXTRA_CA_CERTS']
  const npm = dirname(dirname(realpathSync(whereIs('npm') ?? '')))
  return {
    programs: { 'bin/sh': '/bin/sh', 'bin/mkdir': '/bin/mkdir', 'usr/bin/env': '/usr/bin/env', 'usr/bin/node': NODE },
    awaited: globSync(join(ROOT, 'node_modules/@rolldown/binding-*/*.node')),
    files: { 'usr/lib/npm': npm, ...(certificates !== undefined && { [CERTIFICATES]: certificates }) },
    links: { 'usr/bin/npm': '../lib/npm/bin/npm-cli.js' },
  }
}

async function buildBaseImage(engine: Engine, folder: string, base: Base, name: string): Promise<void> {
  const root = join(folder, 'root')
  mkdirSync(root, { recursive: true })
  layOut(root, base)
  const trust = existsSync(join(root, CERTIFICATES)) ? `ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}\n` : ''
  writeFileSync(join(folder, 'Containerfile'), `FROM scratch\nCOPY root /\n${trust}`)
  await engine.build(imageOf(name.toLowerCase()), folder)
}

function whereIs(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path))
}

function output(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}
