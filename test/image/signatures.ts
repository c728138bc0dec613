import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Bases, imageOf, RELEASE } from './build.ts'
import { type Check, fileOf } from './container.ts'
import type { Engine } from './engine.ts'

type Target = { readonly name: string; readonly folder: string; readonly bases: Bases }

const ROOT = join(import.meta.dirname, '../..')
const REPOSITORY = 'example/flagstaff'
const WORKFLOW = `https://github.com/${REPOSITORY}/.github/workflows/release.yml@refs/tags/v${RELEASE.VERSION}`
const ISSUER = 'https://token.actions.githubusercontent.com'
const page = readFileSync(join(ROOT, 'docs/operations/verify.md'), 'utf8')
/** The commands that the page documents, as the release workflow takes them from it. */
const COMMANDS = /^verify\(\) \{.*?(?=^```$)/ms.exec(page)?.[0] ?? ''
const [, CLIENT_VERSION = ''] = /sigstore==([\d.]+)/.exec(page) ?? []

/** Signs an image, its SBOM and its provenance as a release does, and runs the documented commands on them and on altered copies. */
export async function checkSignatures(engine: Engine, { name, folder, bases }: Target, check: Check): Promise<void> {
  const release = join(folder, `release-${name}`)
  const layout = join(folder, `layout-${name}`)
  const prefix = `flagstaff-${name}`
  let digest = ''
  const verify = (changes: Readonly<Record<string, string>> = {}, folder = release) => {
    const env = {
      REPOSITORY,
      VERSION: RELEASE.VERSION,
      TARGET: name,
      DIGEST: digest,
      PATH: `${release}/bin:/usr/bin:/bin`,
    }
    return execFileSync('sh', ['-euc', COMMANDS], {
      cwd: folder,
      env: { ...env, ...changes },
      encoding: 'utf8',
      stdio: 'pipe',
    })
  }
  const refuses = (reason: RegExp, changes?: Readonly<Record<string, string>>, folder?: string) =>
    assert.throws(
      () => verify(changes, folder),
      ({ stderr }: { stderr: string }) => reason.test(stderr.replace(/\s+/g, ' ')),
    )
  /** A copy of the release in which a text is replaced in one file, or in the payload that a bundle has signed. */
  const altered = (file: string, [from, to]: readonly [string, string]) => {
    const copy = join(folder, `altered-${name}`)
    rmSync(copy, { recursive: true, force: true })
    cpSync(release, copy, { recursive: true })
    const path = join(copy, `${prefix}.${file}`)
    const content = JSON.parse(readFileSync(path, 'utf8'))
    const replaced = (text: string) => {
      assert.ok(text.includes(from), `${file} has ${from}`)
      return text.replaceAll(from, to)
    }
    if (content.dsseEnvelope === undefined) writeFileSync(path, replaced(readFileSync(path, 'utf8')))
    else {
      const payload = Buffer.from(content.dsseEnvelope.payload, 'base64').toString()
      content.dsseEnvelope.payload = Buffer.from(replaced(payload)).toString('base64')
      writeFileSync(path, JSON.stringify(content))
    }
    return copy
  }

  await check(
    `${name}: image, SBOM and provenance are signed, and verified from the files by the documented commands`,
    async () => {
      mkdirSync(release, { recursive: true })
      await engine.save(imageOf(name), layout)
      digest = digestOf(layout)
      writeFileSync(
        join(release, `${prefix}.sbom.cdx.json`),
        await fileOf(engine.docker, imageOf(name), '/app/sbom.cdx.json'),
      )
      writeStatements(release, { name, digest, bases })
      execFileSync(process.execPath, [join(import.meta.dirname, 'sigstore.ts'), release, WORKFLOW, ISSUER])
      installClient(release)
      const types = [...verify().matchAll(/"predicateType": ?"([^"]+)"/g)].map(([, type]) => type)
      const provenance = 'https://slsa.dev/provenance/v1'
      assert.deepEqual(types, [
        'https://sigstore.dev/cosign/sign/v1',
        provenance,
        provenance,
        'https://cyclonedx.org/bom',
      ])
    },
  )
  await check(`${name}: its provenance names the commit, the lock file, and the bases by digest`, async () => {
    const { subject, predicate } = JSON.parse(readFileSync(join(release, `${prefix}.provenance.json`), 'utf8'))
    const dependencies: { uri?: string; name?: string; digest: object }[] =
      predicate.buildDefinition.resolvedDependencies
    const digests = new Map(dependencies.map(({ uri, name, digest }) => [uri ?? name, digest]))
    assert.deepEqual(subject[0].digest, { sha256: digest.slice('sha256:'.length) })
    assert.deepEqual(digests.get(`git+${RELEASE.SOURCE}@refs/tags/v${RELEASE.VERSION}`), {
      gitCommit: RELEASE.REVISION,
    })
    assert.deepEqual(digests.get('package-lock.json'), {
      sha256: sha256(readFileSync(join(ROOT, 'package-lock.json'))),
    })
    for (const base of Object.values(bases))
      assert.deepEqual(digests.get(`docker://${base}`), { sha256: base.replace(/.*@sha256:/, '') })
    assert.equal(dependencies.length, 5)
  })
  // Each command takes a second of processor time, and the files of both images are alike.
  if (name === 'bun')
    await check(
      `${name}: the documented commands refuse another image, a changed SBOM or provenance, and another signer`,
      async () => {
        refuses(/no subject for digest/, { DIGEST: `sha256:${'0'.repeat(64)}` })
        refuses(/no subject for digest/, {}, altered('sbom.cdx.json', ['"hono"', '"nohono"']))
        refuses(/signature/i, {}, altered('sbom.sigstore.json', ['"hono"', '"nohono"']))
        refuses(/signature/i, {}, altered('provenance.sigstore.json', [RELEASE.REVISION, '0'.repeat(40)]))
        refuses(/signature/i, {}, altered('signature.sigstore.json', ['cosign/sign', 'cosign/sing']))
        refuses(/SAN|identit/i, { REPOSITORY: 'another/flagstaff' })
      },
    )
  await check(`${name}: an engine refuses the image when a layer is not what its digest says`, async () => {
    const { layers } = blobOf(layout, digest)
    const path = join(layout, 'blobs', layers.at(-1).digest.replace(':', '/'))
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await assert.rejects(engine.load(layout), /digest|invalid|mismatch/i)
  })
}

/** The digest of the image in an OCI layout, from the bytes of its manifest. */
export function digestOf(layout: string): string {
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'))
  const manifest = readFileSync(join(layout, 'blobs', manifests[0].digest.replace(':', '/')))
  assert.equal(manifests[0].digest, `sha256:${sha256(manifest)}`)
  return manifests[0].digest
}

function blobOf(layout: string, digest: string) {
  return JSON.parse(readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'))
}

/** The statements that are signed: image/statements.ts writes two of them, cosign the third. */
function writeStatements(
  release: string,
  { name, digest, bases }: { name: string; digest: string; bases: Bases },
): void {
  const image = `ghcr.io/${REPOSITORY}`
  const options = {
    sbom: join(release, `flagstaff-${name}.sbom.cdx.json`),
    image: `${image}@${digest}`,
    target: name,
    source: RELEASE.SOURCE,
    revision: RELEASE.REVISION,
    ref: `refs/tags/v${RELEASE.VERSION}`,
    created: RELEASE.CREATED,
    builder: WORKFLOW,
    invocation: `${RELEASE.SOURCE}/actions/runs/1/attempts/1`,
  }
  const args = [...Object.entries(options), ...Object.entries(bases).map((base) => ['base', base.join('=')])]
  execFileSync(process.execPath, [
    join(ROOT, 'image/statements.ts'),
    ...args.flatMap(([name, value = '']) => [`--${name}`, value]),
  ])
  const subject = [{ name: image, digest: { sha256: digest.slice('sha256:'.length) } }]
  const signature = {
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  }
  writeFileSync(join(release, `flagstaff-${name}.signature.json`), JSON.stringify(signature))
}

/** Puts the client at `bin/sigstore`. There it trusts the Sigstore of this test in place of the public one. */
function installClient(release: string): void {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), `flagstaff-sigstore-${CLIENT_VERSION}`)
  if (!existsSync(join(cache, 'installed'))) {
    rmSync(cache, { recursive: true, force: true })
    execFileSync('python3', ['-m', 'venv', cache])
    execFileSync(join(cache, 'bin/pip'), ['install', '--quiet', `sigstore==${CLIENT_VERSION}`])
    writeFileSync(join(cache, 'installed'), '')
  }
  mkdirSync(join(release, 'bin'), { recursive: true })
  const program = join(release, 'bin/sigstore')
  writeFileSync(program, `#!/bin/sh\nexec '${cache}/bin/sigstore' --trust-config '${release}/trust.json' "$@"\n`)
  chmodSync(program, 0o755)
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
