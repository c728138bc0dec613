// The packages whose code is in an image, read from what the bundlers report.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
/** The innermost package of a module: its folder, such as `node_modules/pg/node_modules/x`. */
const PACKAGE = /^(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//

/** The part of esbuild's metafile, which Bun writes as well, and image/build-node.ts of rolldown's chunks. */
export type Metafile = {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, { bytesInOutput: number }>> }>>
}
export type Package = {
  /** Relative to the root, as in package-lock.json. */
  readonly folder: string
  readonly manifest: Manifest
  /** From package-lock.json, such as `sha512-…` in base64. */
  readonly integrity: string
}
export type Manifest = {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Folders of the packages of which at least one byte is in an output. */
export function foldersIn({ outputs }: Metafile): Set<string> {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs))
  const used = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => PACKAGE.exec(path)?.[1])
  return new Set(used.filter((folder) => folder !== undefined))
}

/** The packages of several metafiles below dist/, in the order of their folders. */
export function packagesIn(metafiles: readonly string[]): Package[] {
  const { packages: locked } = readJson('package-lock.json')
  const folders = new Set(metafiles.flatMap((file) => [...foldersIn(readJson(join('dist', file)))]))
  return [...folders].sort().map((folder) => {
    const { integrity } = locked[folder] ?? {}
    if (integrity === undefined) throw new Error(`Cannot list "${folder}": package-lock.json does not have it`)
    return { folder, manifest: readJson(join(folder, 'package.json')), integrity }
  })
}

/** The packages among `all` that one of them, or the root with folder '', loads by Node's resolution. */
export function dependenciesOf(folder: string, manifest: Manifest, all: readonly Package[]): Package[] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest
  const names = { ...dependencies, ...optionalDependencies, ...peerDependencies, ...(folder === '' && devDependencies) }
  return Object.keys(names).flatMap((name) => {
    for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const found = all.find((other) => other.folder === join(at, 'node_modules', name))
      if (found) return [found]
      if (at === '') return []
    }
  })
}

// biome-ignore lint/suspicious/noExplicitAny: files of our own build, in the shapes that the callers name
export function readJson(path: string): any {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
}
