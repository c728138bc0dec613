// Writes what is signed about a published image, two in-toto statements beside its SBOM: <prefix>.sbom.json, which holds the SBOM, and
// <prefix>.provenance.json, SLSA v1: from what, by whom and how it was built. docs/operations/verify.md says how they are verified.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    /** The path of the SBOM; it ends in `.sbom.cdx.json`, and what is before that is the prefix. */
    sbom: { type: 'string', default: '' },
    /** The image: `name@sha256:…`. */
    image: { type: 'string', default: '' },
    /** The Containerfile's target. */
    target: { type: 'string', default: '' },
    /** Base images: an argument of the Containerfile with the reference of its image by digest, `BUN_BASE=name@sha256:…`. */
    base: { type: 'string', multiple: true, default: [] },
    /** The repository, its commit, and the tag or branch. */
    source: { type: 'string', default: '' },
    revision: { type: 'string', default: '' },
    ref: { type: 'string', default: '' },
    /** The time in the image and its SBOM, ISO 8601. */
    created: { type: 'string', default: '' },
    /** URI of what has run the build, and of this run. */
    builder: { type: 'string', default: '' },
    invocation: { type: 'string', default: '' },
  },
})
for (const [name, value] of Object.entries(values))
  if (value.length === 0) throw new Error(`Cannot write statements: --${name} is missing`)

const { sbom, target, source, revision, ref, created } = values
const subject = { name: values.image.replace(/@.*/, ''), digest: digestOf(values.image) }
const bases = values.base.map((base) => base.slice(base.indexOf('=') + 1))
const arguments_ = { ...Object.fromEntries(values.base.map((base) => base.split('=', 2))), CREATED: created }

write('sbom', [subject], 'https://cyclonedx.org/bom', JSON.parse(readFileSync(sbom, 'utf8')))
write('provenance', [subject, fileOf(sbom, basename(sbom))], 'https://slsa.dev/provenance/v1', {
  buildDefinition: {
    buildType: `${source}/blob/main/docs/operations/verify.md#how-an-image-is-built`,
    externalParameters: {
      source: `git+${source}@${ref}`,
      containerfile: 'Containerfile',
      target,
      arguments: arguments_,
    },
    resolvedDependencies: [
      { uri: `git+${source}@${ref}`, digest: { gitCommit: revision } },
      { ...fileOf(join(import.meta.dirname, '../package-lock.json'), 'package-lock.json') },
      ...bases.map((base) => ({ uri: `docker://${base}`, digest: digestOf(base) })),
    ],
  },
  runDetails: { builder: { id: values.builder }, metadata: { invocationId: values.invocation } },
})

function write(what: string, subject: readonly object[], predicateType: string, predicate: object): void {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate }
  writeFileSync(sbom.replace(/\.sbom\.cdx\.json$/, `.${what}.json`), JSON.stringify(statement, null, 1))
}

function fileOf(path: string, name: string) {
  return { name, digest: { sha256: createHash('sha256').update(readFileSync(path)).digest('hex') } }
}

function digestOf(reference: string): { sha256: string } {
  const [, sha256] = /@sha256:([0-9a-f]{64})$/.exec(reference) ?? []
  if (sha256 === undefined) throw new Error(`Cannot write statements: "${reference}" has no digest`)
  return { sha256 }
}
