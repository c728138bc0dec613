// Writes dist/sbom.cdx.json, the list of all that is in an image, in CycloneDX 1.6: node image/sbom.ts <bun|node> <root of its base>.
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library'
import { PackageURL } from 'packageurl-js'
import { dependenciesOf, type Manifest, type Package, packagesIn, readJson } from './bundled.ts'

const ROOT = join(import.meta.dirname, '..')
/** Names in `process.versions` that are no library: interfaces, data formats, and what Bun reports for programs that expect Node. */
const NO_LIBRARY = {
  bun: ['bun', 'node', 'openssl', 'v8', 'uv', 'napi', 'modules', 'unicode', 'typescript'],
  node: ['node', 'napi', 'modules', 'unicode', 'cldr', 'tz'],
}
const { Component } = Models
const { Library, Container, Platform } = Enums.ComponentType
const { ExternalReferenceFactory } = Contrib.FromNodePackageJson.Factories
const { ComponentBuilder } = Contrib.FromNodePackageJson.Builders
/** Throws unless it is an SPDX expression. The package has no types. */
const checkLicense: (expression: string) => void = createRequire(import.meta.url)('spdx-expression-parse')
const licenses = new Contrib.License.Factories.LicenseFactory(checkLicense)
const builder = new ComponentBuilder(new ExternalReferenceFactory(), licenses)

const [, , target, base = ''] = process.argv
if (target !== 'bun' && target !== 'node') throw new Error(`Cannot list "${target}": expected "bun" or "node"`)
const bom = billOf(target, packagesIn([`${target}.json`, 'console.json']))
const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
writeFileSync(join(ROOT, 'dist/sbom.cdx.json'), serializer.serialize(bom, { sortLists: true, space: 1 }))

function billOf(target: 'bun' | 'node', packages: readonly Package[]): Models.Bom {
  const manifest: Manifest = readJson('package.json')
  const image = new Component(Container, 'flagstaff', { version: manifest.version, bomRef: `flagstaff-${target}` })
  const components = new Map(packages.map((entry) => [entry.folder, componentOf(entry)]))
  const parts = [runtimeOf(target), baseImage(process.env['BASE'] ?? 'unknown'), ...debianPackages()]
  const link = (from: Models.Component, folder: string, manifest: Manifest) => {
    for (const { folder: other } of dependenciesOf(folder, manifest, packages)) {
      const to = components.get(other)
      if (to) from.dependencies.add(to.bomRef)
    }
  }
  link(image, '', manifest)
  for (const part of parts) image.dependencies.add(part.bomRef)
  for (const { folder, manifest } of packages) {
    const from = components.get(folder)
    if (from) link(from, folder, manifest)
  }
  const created = process.env['CREATED']
  const metadata = new Models.Metadata({ component: image, ...(created && { timestamp: new Date(created) }) })
  return new Models.Bom({ metadata, components: new Models.ComponentRepository([...components.values(), ...parts]) })
}

function componentOf({ manifest, integrity }: Package): Models.Component {
  const component = builder.makeComponent(manifest)
  if (!component) throw new Error(`Cannot list "${manifest.name}": its package.json has no name`)
  const { group, name, version } = component
  component.purl = new PackageURL('npm', group, name, version, undefined, undefined).toString()
  component.bomRef.value = component.purl
  const [, digest = ''] = /^sha512-(.+)$/.exec(integrity) ?? []
  component.hashes.set(Enums.HashAlgorithm['SHA-512'], Buffer.from(digest, 'base64').toString('hex'))
  return component
}

/** Bun or Node, with the libraries that are linked into it, as it reports them. */
function runtimeOf(target: 'bun' | 'node'): Models.Component {
  const versions: Record<string, string> =
    target === 'node'
      ? JSON.parse(readFileSync(join(base, 'app/versions.json'), 'utf8')) // written by image/warm.ts, on Node of the image
      : JSON.parse(
          execFileSync(join(ROOT, 'node_modules/.bin/bun'), ['--print', 'JSON.stringify(process.versions)'], {
            encoding: 'utf8',
          }),
        )
  const version = versions[target] ?? 'unknown'
  const linked = Object.entries(versions).filter(([name, version]) => version && !NO_LIBRARY[target].includes(name))
  const libraries = linked.map(
    ([name, version]) => new Component(Library, name, { version, bomRef: `${target}/${name}` }),
  )
  const purl = new PackageURL('generic', undefined, target, version, undefined, undefined).toString()
  const components = new Models.ComponentRepository(libraries)
  return new Component(Platform, target, { version, purl, bomRef: purl, components })
}

/** A reference such as `name:tag@sha256:…`; a base that is not pinned has no version here. */
function baseImage(reference: string): Models.Component {
  const [name = '', version] = reference.split('@')
  return new Component(Container, name, { bomRef: `base:${name}`, ...(version && { version }) })
}

/** Debian's packages in the base: distroless has one file for each, Debian itself one for all. */
function debianPackages(): Models.Component[] {
  const files = globSync(['var/lib/dpkg/status', 'var/lib/dpkg/status.d/*'], { cwd: base })
  const entries = files.flatMap((file) => readFileSync(join(base, file), 'utf8').split(/\n{2,}/))
  return entries.flatMap((entry) => {
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(entry)?.[1]
    const [name, version, arch] = [field('Package'), field('Version'), field('Architecture')]
    if (name === undefined || version === undefined) return []
    const purl = new PackageURL('deb', 'debian', name, version, arch && { arch }, undefined).toString()
    return [new Component(Library, name, { version, purl, bomRef: purl })]
  })
}
