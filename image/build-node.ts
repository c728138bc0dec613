// Builds the program of the Node image into a folder: dist/node, or the one that is named.
import { rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'

const ROOT = join(import.meta.dirname, '..')
const folder = resolve(ROOT, process.argv[2] ?? 'dist/node')
/** What a start with Redis loads. With all that these import it is one file: each further file would take Node 0.4 ms of processor time. */
const STARTS = ['src/main.ts', 'src/server/listen-node.ts', 'src/repository/redis/node-client.ts']
/** These run when they are loaded, so that they stay files of their own. */
const RUNNING = ['src/main.ts', 'src/server/signals.ts']

const start = new Set<string>()
const findStart: Plugin = {
  name: 'find-start',
  buildEnd() {
    const add = (module: string) => {
      if (start.has(module)) return
      start.add(module)
      for (const next of this.getModuleInfo(module)?.importedIds ?? []) add(next)
    }
    for (const path of STARTS) add(join(ROOT, path))
    for (const path of RUNNING) start.delete(join(ROOT, path))
  },
}

rmSync(folder, { recursive: true, force: true })
const input = 'image/flagstaff.ts'
const bundle = await rolldown({ cwd: ROOT, input, platform: 'node', plugins: [findStart], logLevel: 'warn' })
const { output } = await bundle.write({
  dir: folder,
  entryFileNames: 'flagstaff.mjs',
  chunkFileNames: '[name]-[hash].mjs',
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } }, // stack traces name functions and lines
  codeSplitting: { groups: [{ name: 'start', test: (module) => start.has(module) }] },
})

// The same shape as esbuild's metafile, for image/sbom.ts.
const chunks = output.filter((file) => file.type === 'chunk')
const inputsOf = (modules: Record<string, { renderedLength: number }>) =>
  Object.entries(modules).map(([id, { renderedLength }]) => [relative(ROOT, id), { bytesInOutput: renderedLength }])
const outputs = chunks.map(({ fileName, modules }) => [fileName, { inputs: Object.fromEntries(inputsOf(modules)) }])
if (!process.argv[2]) writeFileSync(`${folder}.json`, JSON.stringify({ outputs: Object.fromEntries(outputs) }))
