import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** The contents of a base image, from programs of this machine: image registries cannot be reached everywhere that tests run. */
export type Base = {
  /** Path in the image → program of this machine; the libraries that it needs are included. */
  readonly programs?: Readonly<Record<string, string>>
  /** Programs that are added later: only their libraries. */
  readonly awaited?: readonly string[]
  /** Path in the image → folder or file of this machine. */
  readonly files?: Readonly<Record<string, string>>
  /** Path in the image → target of the link. */
  readonly links?: Readonly<Record<string, string>>
}

const USERS = 'root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n'

/** Writes the root file system of an image to `root`. */
export function layOut(root: string, { programs = {}, awaited = [], files = {}, links = {} }: Base): void {
  const place = (path: string) => {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    return join(root, path)
  }
  const libraries = [...Object.values(programs), ...awaited].flatMap(librariesOf)
  for (const path of new Set(libraries)) copyFileSync(path, place(path))
  for (const [path, source] of Object.entries(programs)) copyFileSync(realpathSync(source), place(path))
  for (const [path, source] of Object.entries(files))
    cpSync(source, place(path), { recursive: true, dereference: true })
  for (const [path, target] of Object.entries(links)) symlinkSync(target, place(path))
  for (const name of new Set(libraries.map(debianPackageOf)))
    writeFileSync(place(`var/lib/dpkg/status.d/${name}`), execFileSync('dpkg-query', ['--status', name]))
  writeFileSync(place('etc/passwd'), USERS)
  mkdirSync(place('tmp'))
  chmodSync(place('tmp'), 0o1777)
}

/** The name of the package that a library comes from: distroless images have the status of each package in a file of its name. */
function debianPackageOf(library: string): string {
  const owner = execFileSync('dpkg-query', ['--search', `*${basename(library)}`], { encoding: 'utf8' })
  return owner.slice(0, owner.indexOf(':'))
}

/** Paths of the shared libraries of a program, including the loader. */
function librariesOf(program: string): string[] {
  return [...execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/\/\S+/g)].map(([path]) => path)
}
