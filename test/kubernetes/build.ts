// npm run kubernetes, npm run zero: builds a real API server and what the tests need beside it from the Go module proxy and PyPI, each once for a machine.
import { readFileSync } from 'node:fs'
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnce, type CachedBuild, cacheFolder, makeVenv, outputOf, runTool } from '../support/cached-build.ts'

const CACHE = cacheFolder('flagstaff')
const LDFLAGS = '-s -w'
const VERSION_PACKAGE = 'k8s.io/component-base/version'

export type Built = 'kube-apiserver' | 'kubectl' | 'crds' | 'helm' | 'serving'

const SERVING = ['controller', 'autoscaler', 'activator', 'queue']
/** Folders and files of Knative's modules, by their names in the output. */
const SERVING_FILES: Readonly<Record<string, { readonly module: string; readonly path: string }>> = {
  core: { module: 'knative.dev/serving', path: 'config/core' },
  networking: { module: 'knative.dev/networking', path: 'config' },
  caching: { module: 'knative.dev/caching', path: 'config' },
}

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
      await buildGo(source, join(output, 'kube-apiserver'), { packages: ['.'], ldflags: [LDFLAGS, ...flags].join(' ') })
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
    make: (source, output) => buildGo(source, join(output, 'helm'), { packages: ['helm.sh/helm/v4/cmd/helm'] }),
  },
  // Knative Serving's programs, and the files that install them.
  serving: {
    source: folder('serving'),
    tools: ['go'],
    make: async (source, output) => {
      await mkdir(join(output, 'bin'))
      const packages = SERVING.map((program) => `knative.dev/serving/cmd/${program}`)
      await buildGo(source, `${join(output, 'bin')}/`, { packages })
      for (const [name, { module, path }] of Object.entries(SERVING_FILES)) {
        const directory = await runTool('go', ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', module], {
          cwd: source,
        })
        await cp(join(directory.trim(), path), join(output, 'config', name), { recursive: true })
      }
    },
  },
}

/** The folder of what was built, or the reason why this machine has none. */
export const builtOf = (name: Built): { output: string } | { missing: string } =>
  outputOf(CACHE, { name, ...BUILDS[name] }, name === 'serving' ? 'zero' : 'kubernetes')

/** The folder with the resource definitions of a module and version of crds/modules.txt. */
export function definitionsOf(module: string): string {
  const built = builtOf('crds')
  if ('missing' in built) throw new Error(`There are no resource definitions: ${built.missing}`)
  return join(built.output, module)
}

/** A folder of Knative Serving: `bin`, or one of its configuration. */
export function servingOf(part: string): string {
  const built = builtOf('serving')
  if ('missing' in built) throw new Error(`There is no Knative Serving: ${built.missing}`)
  return join(built.output, part)
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
  options: { readonly packages: readonly string[]; readonly ldflags?: string },
): Promise<void> {
  const flags = ['-mod=readonly', '-trimpath', '-ldflags', options.ldflags ?? LDFLAGS]
  await runTool('go', ['build', ...flags, '-o', program, ...options.packages], { cwd: source })
}

function folder(name: string): string {
  return join(import.meta.dirname, name)
}

/** All but Knative, which takes another four minutes of processor time; `--knative` builds what its tests need. */
if (import.meta.main) {
  const isForKnative = process.argv.includes('--knative')
  const names: readonly Built[] = isForKnative
    ? ['kube-apiserver', 'kubectl', 'serving']
    : ['kube-apiserver', 'kubectl', 'crds', 'helm']
  for (const name of names) await buildOnce(CACHE, { name, ...BUILDS[name] })
}
