// Builds the console into dist/console: index.html, frame.html (image/frame.ts), and below assets/ hashed scripts and one style sheet, each also as .br and .gz.
// With --if-stale only where a source is newer than the last build. With --watch it builds again after each change.
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { type BuildOptions, build, context, type Metafile, type Plugin } from 'esbuild'
import { FIRST_REQUESTS } from '../src/console/api/first-requests.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCES = join(ROOT, 'src/console')
const OUT = join(ROOT, 'dist/console')
const APPLICATION = 'src/console/main.tsx'
const AHEAD = 'src/console/ahead.ts'
const COMPRESSED = /\.(?:js|css|svg|json)$/

/**
 * What is imported later also imports the application: then every entry point reaches what the first page needs, and esbuild, which makes a
 * chunk for each set of entry points, puts it into one file in place of many small ones.
 */
const later: Plugin = {
  name: 'later',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^\./ }, async ({ kind, path, ...from }) => {
      if (kind !== 'dynamic-import') return
      const { path: file, errors } = await resolve(path, { ...from, kind: 'import-statement' })
      return { path: relative(ROOT, file), namespace: 'later', errors }
    })
    onLoad({ filter: /.*/, namespace: 'later' }, ({ path }) => ({
      contents: `import './${APPLICATION}'; export * from './${path}'`,
      resolveDir: ROOT,
    }))
  },
}

/** All styles in the order of the cascade. One sheet for all pages: esbuild's scripts do not load the styles of lazy chunks. */
const STYLE_FOLDERS = ['style', 'parts', 'app', 'pages']
const styles: Plugin = {
  name: 'styles',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^console\.css$/ }, () => ({ path: 'console.css', namespace: 'styles' }))
    onLoad({ filter: /.*/, namespace: 'styles' }, () => {
      const files = STYLE_FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.css`, { cwd: SOURCES }).sort())
      return { contents: files.map((file) => `@import './${file}';`).join('\n'), loader: 'css', resolveDir: SOURCES }
    })
  },
}

const options: BuildOptions & { metafile: true } = {
  entryPoints: [
    { in: APPLICATION, out: 'main' },
    { in: AHEAD, out: 'ahead' },
    { in: 'console.css', out: 'console' },
  ],
  absWorkingDir: ROOT,
  outdir: join(OUT, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  minify: true,
  metafile: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  // Chromium then compiles while it downloads, on another thread, and not function by function at the first call.
  banner: { js: '//# allFunctionsCalledOnLoad' },
  jsx: 'automatic',
  jsxImportSource: 'preact',
  alias: { react: 'preact/compat', 'react-dom': 'preact/compat' },
  logLevel: 'warning',
  plugins: [later, styles],
}

/** An output with all that it imports at once. */
function closure({ outputs }: Metafile, file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const { kind, path } of outputs[file]?.imports ?? [])
    if (kind === 'import-statement') closure({ inputs: {}, outputs }, path, found)
  return found
}

/** The output that contains a source. */
const fileWith = ({ outputs }: Metafile, source: string): string =>
  Object.entries(outputs).find(([, { inputs }]) => source in inputs)?.[0] ?? ''

/** What the flag list is before it has data. */
const frameOf = (script: string): string =>
  execFileSync(process.execPath, [join(import.meta.dirname, 'frame.ts'), script], { encoding: 'utf8' })

/** The page of every route: the first requests, which the service leaves in the page of the flag list alone, the style sheet, and the application with what it imports. */
function page(metafile: Metafile): string {
  const [ahead, script] = [fileWith(metafile, AHEAD), fileWith(metafile, APPLICATION)]
  const preloaded = closure(metafile, script)
  for (const file of [ahead, script]) preloaded.delete(file)
  const style =
    Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === 'styles:console.css')?.[0] ?? ''
  const url = (file: string) => `/console/assets/${basename(file)}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Flagstaff</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
${FIRST_REQUESTS.map((request) => `<link rel="preload" as="fetch" crossorigin href="${request}">\n`).join('')}<script type="module" async blocking="render" src="${url(ahead)}"></script>
<link rel="stylesheet" href="${url(style)}">
${[...preloaded].map((file) => `<link rel="modulepreload" href="${url(file)}">\n`).join('')}<script type="module" src="${url(script)}"></script>
</head>
<body><div id="console"></div><noscript>The console needs JavaScript.</noscript></body>
</html>
`
}

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#3b5bdb"/><path d="M10 25V7h13l-3.5 4.5L23 16H12v9z" fill="#fff"/></svg>'

/** Written beside the last build and exchanged by two renames: between them there is no build for less than a millisecond. */
function write(files: readonly { readonly path: string; readonly contents: Uint8Array }[], metafile: Metafile): void {
  const next = `${OUT}.${process.pid}`
  rmSync(next, { recursive: true, force: true })
  mkdirSync(join(next, 'assets'), { recursive: true })
  for (const { path, contents } of files.filter(({ path }) => !path.endsWith('.css') || path.includes('/console-'))) {
    const file = join(next, relative(OUT, path))
    writeFileSync(file, contents)
    if (!COMPRESSED.test(file)) continue
    writeFileSync(`${file}.br`, brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } }))
    writeFileSync(`${file}.gz`, gzipSync(contents, { level: 9 }))
  }
  writeFileSync(join(next, 'index.html'), page(metafile))
  writeFileSync(
    join(next, 'frame.html'),
    frameOf(join(next, relative('dist/console', fileWith(metafile, APPLICATION)))),
  )
  writeFileSync(join(ROOT, 'dist/console.json'), JSON.stringify(metafile))
  exchange(next)
}

/** Of two builds that end at the same time, one stays; both are of the same sources. */
function exchange(next: string): void {
  const old = `${next}.old`
  try {
    if (existsSync(OUT)) renameSync(OUT, old)
    renameSync(next, OUT)
  } catch (error) {
    if (!existsSync(join(OUT, 'index.html'))) throw error
  }
  rmSync(old, { recursive: true, force: true })
  rmSync(next, { recursive: true, force: true })
}

/** Whether the last build is older than a source, or than the list of packages. */
function isStale(): boolean {
  const sources = globSync(
    ['src/console/**/*.{ts,tsx,css}', 'src/flag/**/*.ts', 'package-lock.json', 'image/console.ts'],
    {
      cwd: ROOT,
    },
  )
  const built = statSync(join(OUT, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return sources.some((file) => statSync(join(ROOT, file)).mtimeMs > built)
}

const writing: Plugin = {
  name: 'writing',
  setup({ onEnd }) {
    onEnd(({ errors, warnings, metafile, outputFiles = [] }) => {
      if (errors.length === 0 && warnings.length === 0 && metafile) write(outputFiles, metafile)
    })
  },
}

const flags = process.argv.slice(2)
/** The best compression takes a second more; a build at the start of a checkout does without. */
const QUALITY = flags.includes('--if-stale') ? 5 : 11
if (flags.includes('--watch')) await (await context({ ...options, plugins: [later, styles, writing] })).watch()
else if (!flags.includes('--if-stale') || isStale()) {
  const { warnings } = await build({ ...options, plugins: [later, styles, writing] })
  if (warnings.length > 0) process.exitCode = 1
}
