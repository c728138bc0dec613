import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Runtime } from '../test/support/process.ts'
import { type Start, startOnce } from './cold-start.ts'
import { IMAGE_SETTINGS } from './image-settings.ts'

export type Programs = { readonly service: Start; readonly hello: Start }

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
const NODE = join(ROOT, 'node_modules/node/bin/node')

/** Builds the service as the images have it, and the bare server in the same way. */
export async function buildPrograms(): Promise<Readonly<Record<Runtime, Programs>>> {
  rmSync(DIST, { recursive: true, force: true })
  run('npm', ['run', '--silent', 'build:bun'])
  run('npm', ['run', '--silent', 'build:node'])
  const bunHello = join(DIST, 'hello/hello')
  run(join(ROOT, 'node_modules/.bin/bun'), [
    'build',
    join(ROOT, 'bench/hello-bun.ts'),
    '--compile',
    '--bytecode',
    '--format=esm',
    `--outfile=${bunHello}`,
  ])
  const nodeHello = join(DIST, 'hello/hello.mjs')
  const bundle = ['--bundle', '--format=esm', '--platform=node', '--target=node24', '--log-level=warning']
  run(join(ROOT, 'node_modules/.bin/esbuild'), [join(ROOT, 'bench/hello-node.ts'), ...bundle, `--outfile=${nodeHello}`])
  const node = { service: onNode(join(DIST, 'node/flagstaff.mjs')), hello: onNode(nodeHello) }
  run(NODE, [join(ROOT, 'image/warm.ts'), join(DIST, 'node/flagstaff.mjs')], node.service.env)
  await startOnce(node.hello)
  return {
    bun: {
      service: { command: [join(DIST, 'bun/flagstaff')], env: IMAGE_SETTINGS.bun },
      hello: { command: [bunHello], env: IMAGE_SETTINGS.bun },
    },
    node,
  }
}

/** Node with the compile cache of an earlier run, as in the image. */
function onNode(program: string): Start {
  const cache = join(dirname(program), 'cache')
  mkdirSync(cache)
  return { command: [NODE, program], env: { NODE_COMPILE_CACHE: cache } }
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  execFileSync(command, args, { cwd: ROOT, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
}
