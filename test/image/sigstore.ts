// A Sigstore of its own, which signs as the release workflow does: node test/image/sigstore.ts <folder> <identity> <issuer>. Each statement
// x.json in the folder gets its bundle x.sigstore.json, and trust.json says whom a client of it has to trust. It is a process of its own,
// because @sigstore/mock replaces node:http's client.
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { bundleToJSON } from '@sigstore/bundle'
import { fulcioHandler, initializeCA, initializeCTLog, initializeTLog, rekorHandler } from '@sigstore/mock'
import { DSSEBundleBuilder, FulcioSigner, RekorWitness } from '@sigstore/sign'

const [, , folder = '', identity = '', issuer = ''] = process.argv
const certificateLog = await initializeCTLog(keyPair('P-256'))
const authority = await initializeCA(keyPair('P-384'), certificateLog)
const log = await initializeTLog('https://rekor.example', keyPair('P-256'))
const [fulcio, rekor] = [fulcioHandler(authority), rekorHandler(log)]

const server = createServer(async (request, response) => {
  const body = await text(request)
  const answer = request.url === rekor.path ? await rekor.fn(canonical(body)) : await fulcio.fn(body)
  response.writeHead(answer.statusCode, { 'content-type': answer.contentType ?? 'text/plain' }).end(answer.response)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const identityProvider = {
  getToken: async () => `${base64url({ alg: 'none' })}.${base64url({ iss: issuer, sub: identity })}.`,
}
const signer = new FulcioSigner({ fulcioBaseURL: url, identityProvider })
const witnesses = [new RekorWitness({ rekorBaseURL: url, entryType: 'dsse' })]
const builder = new DSSEBundleBuilder({ signer, witnesses })
for (const statement of globSync(join(folder, '*.{signature,sbom,provenance}.json'))) {
  const data = readFileSync(statement)
  const bundle: any = bundleToJSON(await builder.create({ data, type: 'application/vnd.in-toto+json' }))
  // The only entry of its log. JSON of protocol buffers leaves these values out; a client reads them nevertheless.
  for (const { inclusionProof } of bundle.verificationMaterial.tlogEntries)
    Object.assign(inclusionProof, { logIndex: '0', hashes: [] })
  writeFileSync(statement.replace(/json$/, 'sigstore.json'), JSON.stringify(bundle))
}
writeFileSync(join(folder, 'trust.json'), JSON.stringify(trust()))
server.close()

/** What Rekor stores of a proposed entry: hashes in place of the envelope, and the certificate in PEM as OpenSSL writes it. */
function canonical(body: string): string {
  const { spec, ...entry } = JSON.parse(body)
  const { envelope, verifiers } = spec.proposedContent
  const { payload, signatures } = JSON.parse(envelope)
  const hash = (data: string | Buffer) => ({ algorithm: 'sha256', value: sha256(data).toString('hex') })
  const verifier = Buffer.from(new X509Certificate(Buffer.from(verifiers[0], 'base64')).toString()).toString('base64')
  const stored = { envelopeHash: hash(envelope), payloadHash: hash(Buffer.from(payload, 'base64')) }
  return JSON.stringify({ ...entry, spec: { ...stored, signatures: [{ signature: signatures[0].sig, verifier }] } })
}

/** Sigstore's client trust configuration; its `trustedRoot` is what cosign reads. */
function trust() {
  const start = new Date(Date.now() - 3_600_000).toISOString()
  const logOf = (key: Buffer) => ({
    baseUrl: url,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: key.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: { start } },
    logId: { keyId: sha256(key).toString('base64') },
  })
  const services = [{ url, majorApiVersion: 1, validFor: { start }, operator: 'flagstaff' }]
  const { buffer, byteOffset, byteLength } = authority.rootCertificate
  const root = { rawBytes: Buffer.from(buffer, byteOffset, byteLength).toString('base64') }
  return {
    mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [logOf(log.publicKey)],
      ctlogs: [logOf(Buffer.from(certificateLog.publicKey))],
      certificateAuthorities: [
        {
          subject: { organization: 'sigstore.mock', commonName: 'sigstore' },
          uri: url,
          certChain: { certificates: [root] },
          validFor: { start },
        },
      ],
    },
    signingConfig: {
      mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
      caUrls: services,
      oidcUrls: services,
      rekorTlogUrls: services,
      rekorTlogConfig: { selector: 'ANY' },
      tsaUrls: [],
      tsaConfig: { selector: 'ANY' },
    },
  }
}

function keyPair(namedCurve: string) {
  return generateKeyPairSync('ec', { namedCurve })
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest()
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
