import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { type Context, Hono, type Next } from 'hono'
import { accepts } from 'hono/accepts'
import { parseAccept } from 'hono/utils/accept'
import { FlagError } from '../flag/error.ts'
import { sha256 } from '../repository/digest.ts'

/** How the console is served. */
export type ConsoleOptions = {
  /** Path below which browsers see this service, such as `/flags`; a proxy removes it. Empty: none. */
  readonly publicPath: string
  /** The folder with index.html and assets/; undefined: where the image or the build has it. */
  readonly folder?: string
}

/** The console has no inline script or style, uses no other origin, and parses no text as markup (Trusted Types). */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()',
}
/** The name of an asset changes with its content. */
const ASSET_HEADERS = {
  'cache-control': 'public, max-age=31536000, immutable',
  vary: 'accept-encoding',
  'x-content-type-options': 'nosniff',
}
const HTML_TYPE = 'text/html; charset=UTF-8'
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  json: 'application/json',
}
/** Encodings that the build has written, best first, with the suffix of their files. */
const ENCODINGS = { br: '.br', gzip: '.gz' } as const
const ENCODING_NAMES = ['br', 'gzip'] as const

const ASSETS = '/console/assets/'

const HERE = dirname(fileURLToPath(import.meta.url))
/** A checkout (or a bundle in `dist/node`), the image for Node, the image for Bun. */
const FOLDERS = [join(HERE, '../../dist/console'), join(HERE, 'console'), join(dirname(process.execPath), 'console')]

/**
 * `/console/*`: the assets, and the page for every other path; `/` leads there where HTML is preferred. Throws `unavailable` if the console is not built.
 * The files hold no data, so they need no key.
 */
export function consoleRoutes({ publicPath, folder = builtFolder() }: ConsoleOptions): Hono {
  let build = readBuild(folder, publicPath)
  const current = () => {
    if (builtAt(folder) !== build.builtAt) build = readBuild(folder, publicPath)
    return build
  }
  const page = (c: Context, next: Next) => {
    if (c.req.path.startsWith(ASSETS)) return next() // a missing asset is no page
    const encoding = encodingFor(c, (suffix) => suffix === ENCODINGS.gzip)
    const { html, etag } = pageOf(current(), c.req.path, encoding ?? '')
    const headers = { ...SECURITY_HEADERS, 'cache-control': 'no-cache', vary: 'accept-encoding', etag }
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers)
    if (!encoding) return c.html(html, 200, headers)
    return c.body(gzipSync(html), 200, { ...headers, 'content-type': HTML_TYPE, 'content-encoding': encoding })
  }
  const toConsole = (c: Context) => c.redirect(`${publicPath}/console/`)
  return new Hono()
    .get('/', (c, next) => (prefersHtml(c) ? toConsole(c) : next()))
    .get('/console', toConsole)
    .get(`${ASSETS}:name`, async (c, next) => {
      const { assets } = current()
      const name = c.req.param('name')
      const type = TYPES[name.slice(name.lastIndexOf('.') + 1)]
      if (type === undefined || !assets.has(name)) return next()
      const encoding = encodingFor(c, (suffix) => assets.has(name + suffix))
      const file = join(folder, 'assets', name + (encoding ? ENCODINGS[encoding] : ''))
      const headers = { ...ASSET_HEADERS, 'content-type': type }
      return c.body(await readFile(file), 200, encoding ? { ...headers, 'content-encoding': encoding } : headers)
    })
    .get('/console/*', page)
}

type Build = {
  readonly builtAt: number
  readonly assets: ReadonlySet<string>
  /** With the requests of the flag list, for the project `{project}`. */
  readonly html: string
  /** What the flag list of the project `{project}` is before it has data. */
  readonly frame: string
}

const FLAG_LIST = /^\/console\/p\/([\w.~-]+)\/flags\/?$/
const FIRST_REQUEST = /^<link rel="preload" as="fetch".*\n/gm
const ROOT = '<div id="console"></div>'

/**
 * The page for a path. That of a flag list names its first requests, so that the browser sends them before it has any script, and contains the
 * frame, so that the browser paints it.
 */
function pageOf(build: Build, path: string, encoding: string): { readonly html: string; readonly etag: string } {
  const [, project] = FLAG_LIST.exec(path) ?? []
  const html =
    project === undefined
      ? build.html.replaceAll(FIRST_REQUEST, '')
      : build.html.replace(ROOT, () => build.frame).replaceAll('{project}', () => project)
  return { html, etag: `"${sha256(html + encoding, 'base64url')}"` }
}

/** The names of all assets, and the page. In a checkout they change with each build. */
function readBuild(folder: string, publicPath: string): Build {
  const assets = new Set(readdirSync(join(folder, 'assets')))
  const read = (name: string) =>
    readFileSync(join(folder, name), 'utf8').replaceAll(/"(?=\/(?:console|api)\/)/g, `"${publicPath}`)
  const frame = `<div id="console" inert>${read('frame.html')}</div>`
  return { builtAt: builtAt(folder), assets, html: read('index.html'), frame }
}

const builtAt = (folder: string): number => statSync(join(folder, 'index.html')).mtimeMs

const prefersHtml = (c: Context): boolean =>
  accepts(c, { header: 'Accept', supports: ['application/json', 'text/html'], default: '' }) === 'text/html'

function builtFolder(): string {
  const folder = FOLDERS.find((folder) => existsSync(join(folder, 'index.html')))
  if (folder === undefined) throw new FlagError('unavailable', 'The console is not built: npm run build:console')
  return folder
}

function encodingFor(c: Context, isStored: (suffix: string) => boolean): keyof typeof ENCODINGS | undefined {
  const wanted = new Set(
    parseAccept(c.req.header('accept-encoding') ?? '').flatMap(({ type, q }) => (q > 0 ? [type] : [])),
  )
  return ENCODING_NAMES.find((name) => wanted.has(name) && isStored(ENCODINGS[name]))
}
