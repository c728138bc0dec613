import { execFileSync } from 'node:child_process'
import { isIP } from 'node:net'
import { join } from 'node:path'

/** PEM files. */
export type Certificates = { readonly authority: string; readonly certificate: string; readonly key: string }

const NEW = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']

/** A new certificate for the host `name`, or an IP address, and the new authority that signed it, in `folder`; made by OpenSSL 3. */
export function makeCertificates(folder: string, name: string): Certificates {
  const file = (kind: string) => join(folder, `${name}-${kind}.pem`)
  const [authority, authorityKey, certificate, key] = [file('ca'), file('ca-key'), file('cert'), file('key')]
  const openssl = (...options: string[]) => execFileSync('openssl', [...NEW, ...options], { stdio: 'pipe' })
  openssl('-subj', '/CN=An authority for tests', '-keyout', authorityKey, '-out', authority)
  const signed = ['-CA', authority, '-CAkey', authorityKey, '-addext', 'basicConstraints=CA:FALSE']
  openssl(
    ...signed,
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`,
    '-keyout',
    key,
    '-out',
    certificate,
  )
  return { authority, certificate, key }
}
