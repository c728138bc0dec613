import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Language } from './build.ts'
import type { Mode } from './cases.ts'

/** A published package, with its version in the manifest of its program. */
export type Package = { readonly name: string; readonly version: string }
export type Providers = { readonly sdk: Package; readonly ofrep: Package; readonly flagd: Package }

const FOLDER = import.meta.dirname
/** The manifest of each language, the text before a version in it, and the packages. */
const MANIFESTS: Readonly<
  Record<Language, { file: string; at: (name: string) => string; names: [string, string, string] }>
> = {
  python: {
    file: 'python/requirements.txt',
    at: (name) => `\n${name}==`,
    names: ['openfeature-sdk', 'openfeature-provider-ofrep', 'openfeature-provider-flagd'],
  },
  go: {
    file: 'go/go.mod',
    at: (name) => `\t${name} v`,
    names: [
      'github.com/open-feature/go-sdk',
      'github.com/open-feature/go-sdk-contrib/providers/ofrep',
      'github.com/open-feature/go-sdk-contrib/providers/flagd',
    ],
  },
  java: {
    file: 'java/pom.xml',
    at: (name) => {
      const [group = '', artifact = ''] = name.split(':')
      return `<groupId>${group}</groupId>\n      <artifactId>${artifact}</artifactId>\n      <version>`
    },
    names: [
      'dev.openfeature:sdk',
      'dev.openfeature.contrib.providers:ofrep',
      'dev.openfeature.contrib.providers:flagd',
    ],
  },
  rust: {
    file: 'rust/Cargo.toml',
    at: (name) => `\n${name} = "=`,
    names: ['open-feature', 'open-feature-ofrep', 'open-feature-flagd'],
  },
  javascript: {
    file: '../../package-lock.json',
    at: (name) => `"node_modules/${name}": {\n      "version": "`,
    names: ['@openfeature/server-sdk', '@openfeature/ofrep-provider', '@openfeature/flagd-provider'],
  },
}

/** The packages that the program of a language uses. */
export function providersOf(language: Language): Providers {
  const { file, at, names } = MANIFESTS[language]
  const text = `\n${readFileSync(join(FOLDER, file), 'utf8')}`
  const packageOf = (name: string): Package => {
    const start = text.indexOf(at(name))
    const [version] = /^[\w.-]+/.exec(text.slice(start + at(name).length)) ?? []
    if (start < 0 || version === undefined) throw new Error(`Cannot find the version of ${name} in ${file}`)
    return { name, version }
  }
  return { sdk: packageOf(names[0]), ofrep: packageOf(names[1]), flagd: packageOf(names[2]) }
}

export const packageOf = (language: Language, mode: Mode): Package =>
  providersOf(language)[mode === 'ofrep' ? 'ofrep' : 'flagd']
