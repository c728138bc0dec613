// npm run kubernetes: builds a real API server and what the tests need beside it from the Go module proxy and PyPI, each once for a machine.
import { readFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnce, type CachedBuild, cacheFolder, makeVenv, outputOf, runTool } from '../support/cached-build.ts'

const CACHE = cacheFolder('flagstaff')
const LDFLAGS = '-s -w'
const VERSION_PACKAGE = 'k8s.io/component-base/version'

export type Built = 'kube-apiserver' | 'kubectl' | 'crds' | 'helm'

const BUILDS: Readonly<Record<Built, Pick<CachedBuild, 'source' | 'tools' | 'make'>>> = {
  // kube-apiserver and its etcd in one program; about eight minutes of processor time.
  'kube-apiserver': {
    source: folder('apiserver'),
    tools: ['go'],
    make: async (source, output) => {
      const [, version = '', major, minor] =
        /k8s\.io\/kubernetes (v(\d+)\.(\d+)\S*)/.exec(readFileSync(join(source, 'go.mod'), 'utf8')) ?? []
      const named = { gitVersion: version, gitMajor: major, gitMinor: minor }
      const flags = Object.entries(named).map(([name, value]) => `-X ${VERSION_PACKAGE}.${name}=${value}`)
      await buildGo(source, join(output, 'kube-apiserver'), { package: '.', ldflags: [LDFLAGS, ...flags].join(' ') })
    },
  },
  kubectl: { source: folder('kubectl'), tools: ['python3'], make: makeVenv },
  // Resource definitions by module and version; Go compares the modules with its checksum database.
  crds: {
    source: folder('crds'),
    tools: ['go'],
    make: async (source, output) => {
      for (const line of readFileSync(join(source, 'modules.txt'), 'utf8').trim().split('\n')) {
        const [module = '', files = ''] = line.split(' ')
        const { Dir } = JSON.parse(await runTool('go', ['mod', 'download', '-json', module], { cwd: output }))
        await cp(join(Dir, files), join(output, module), { recursive: true })
      }
    },
  },
  helm: {
    source: folder('helm'),
    tools: ['go'],
    make: (source, output) => buildGo(source, join(output, 'helm'), { package: 'helm.sh/helm/v4/cmd/helm' }),
  },
}

/** The folder of what was built, or the reason why this machine has none. */
export const builtOf = (name: Built): { output: string } | { missing: string } =>
  outputOf(CACHE, { name, ...BUILDS[name] }, 'kubernetes')

/** The folder with the resource definitions of a module and version of crds/modules.txt. */
export function definitionsOf(module: string): string {
  const built = builtOf('crds')
  if ('missing' in built) throw new Error(`There are no resource definitions: ${built.missing}`)
  return join(built.output, module)
}

/** Why one of these is absent; undefined if all were built. */
export const missingOf = (names: readonly Built[]): string | undefined =>
  names
    .map(builtOf)
    .flatMap((found) => ('missing' in found ? [found.missing] : []))
    .at(0)

async function buildGo(
  source: string,
  program: string,
  options: { readonly package: string; readonly ldflags?: string },
): Promise<void> {
  const flags = ['-mod=readonly', '-trimpath', '-ldflags', options.ldflags ?? LDFLAGS]
  await runTool('go', ['build', ...flags, '-o', program, options.package], { cwd: source })
}

function folder(name: string): string {
  return join(import.meta.dirname, name)
}

if (import.meta.main) for (const [name, build] of Object.entries(BUILDS)) await buildOnce(CACHE, { name, ...build })
