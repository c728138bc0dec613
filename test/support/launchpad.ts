import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { get as getOverHttp, type IncomingMessage } from 'node:http'
import { createServer, type ServerHttp2Session } from 'node:http2'
import { get as getOverHttps } from 'node:https'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Document } from './ofrep.ts'
import { kill, type Running, startService } from './process.ts'
import { openStore } from './store.ts'

const ADMIN_KEY = 'admin-key-for-tests-only-0123456789'
/** The option of flagd in its test bed: `--context-value injectedmetadata=set`. */
const CONTEXT_VALUES = '{"injectedmetadata":"set"}'

/** One real process of the service, which can be stopped and restarted on the same ports. */
export type Server = {
  readonly port: number
  readonly grpcPort: number
  /** PEM file of the authority that signed its certificate; undefined: cleartext. */
  readonly certPath: string | undefined
  /** Kills it at once, and starts it again after so many seconds. */
  restart(seconds: number): void
}
/** An environment of flags, and a key for its sync and evaluation. */
export type Environment = { readonly flagSetId: string; readonly key: string }

/** Test servers that the scenarios of flagd's test bed need: https://github.com/open-feature/flagd-testbed/tree/main/launchpad */
export type Launchpad = {
  /** The process that all scenarios without side effects share. */
  shared(kind: Kind): Promise<Server>
  /** A process for one scenario alone. */
  own(kind: Kind): Promise<Server>
  environment(document: Document, bucketing?: 'v1' | 'v2' | 'v3'): Promise<Environment>
  /** Toggles `changing-flag` of an environment between foo and bar. */
  change(environment: Environment): Promise<void>
  /** A port that responds HTTP 403 to everything. */
  readonly forbiddenPort: number
  /** A port without a listener. */
  readonly deadPort: number
  close(): Promise<void>
}
export type Kind = 'cleartext' | 'tls'

export async function openLaunchpad(): Promise<Launchpad> {
  const store = await openStore()
  const folder = await mkdtemp(join(tmpdir(), 'launchpad-'))
  const certificate = makeCertificate(folder)
  const forbidden = createServer((_, response) => response.writeHead(403).end())
  const sessions = new Set<ServerHttp2Session>()
  forbidden.on('session', (session) => sessions.add(session))
  forbidden.listen(0, '127.0.0.1')
  const dead = createNetServer().listen(0, '127.0.0.1')
  await Promise.all([once(forbidden, 'listening'), once(dead, 'listening')])
  const deadPort = portOf(dead)
  dead.close()
  const service = { DATABASE_URL: store.url, FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, FLAGSTAFF_CONTEXT_VALUES: CONTEXT_VALUES }
  const tls = { TLS_CERT_FILE: certificate.cert, TLS_KEY_FILE: certificate.key }
  const opened: Replica[] = []
  const own = async (kind: Kind): Promise<Replica> => {
    const replica = new Replica(
      { ...service, ...(kind === 'tls' && tls) },
      kind === 'tls' ? certificate.cert : undefined,
    )
    opened.push(replica)
    await replica.start()
    await replica.ready()
    return replica
  }
  const shared = new Map<Kind, Promise<Replica>>()
  const share = (kind: Kind): Promise<Replica> => {
    const known = shared.get(kind) ?? own(kind)
    shared.set(kind, known)
    return known
  }
  const send = async (method: string, path: string, body?: unknown): Promise<any> => {
    const { address } = await share('cleartext')
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const response = await fetch(`${address}/api/v1${path}`, init)
    if (!response.ok) throw new Error(`${method} ${path} answers ${response.status} ${await response.text()}`)
    return response.json()
  }
  await send('POST', '/projects', { key: 'testbed' })
  let made = 0
  return {
    shared: share,
    own,
    forbiddenPort: portOf(forbidden),
    deadPort,
    environment: async (document, bucketing = 'v2') => {
      made += 1
      const environment = { project: 'testbed', environment: `e${made}` }
      const path = `/projects/testbed/environments`
      await send('POST', path, { key: environment.environment, bucketing })
      // Not strict: some flags of the test bed are wrong on purpose.
      await send('PUT', `${path}/${environment.environment}/flagset?strict=false`, document)
      const { secret } = await send('POST', '/keys', { name: environment.environment, role: 'server', environment })
      return { flagSetId: `testbed/${environment.environment}`, key: secret }
    },
    change: async ({ flagSetId }) => {
      const path = `/projects/testbed/environments/${flagSetId.split('/')[1]}/flags/changing-flag`
      const { defaultVariant } = await send('GET', path)
      await send('PATCH', path, { defaultVariant: defaultVariant === 'foo' ? 'bar' : 'foo' })
    },
    close: async () => {
      await Promise.all(opened.map((replica) => replica.stop()))
      for (const session of sessions) session.destroy()
      forbidden.close()
      await rm(folder, { recursive: true })
      await store.close()
    },
  }
}

class Replica implements Server {
  readonly certPath: string | undefined
  readonly #env: Record<string, string>
  #ports: Record<string, string> = {}
  #running: Running | undefined
  #isStopped = false

  constructor(env: Record<string, string>, certPath: string | undefined) {
    this.#env = env
    this.certPath = certPath
  }

  get address(): string {
    return this.#running?.address ?? ''
  }

  get port(): number {
    return Number(this.#ports['PORT'])
  }

  get grpcPort(): number {
    return Number(this.#ports['GRPC_PORT'])
  }

  /** On Node one port may serve all protocols: `GRPC_PORT` is left out if it equals `PORT`. */
  async start(): Promise<void> {
    const isShared = this.#ports['PORT'] !== undefined && this.#ports['PORT'] === this.#ports['GRPC_PORT']
    const { PORT, GRPC_PORT } = this.#ports
    const ports = { ...(PORT && { PORT }), ...(GRPC_PORT && !isShared && { GRPC_PORT }) }
    this.#running = await startService({ ...this.#env, ...ports })
    const { address, grpcPort } = this.#running
    this.#ports = { PORT: new URL(address).port, GRPC_PORT: String(grpcPort) }
    if (this.#isStopped) await this.stop()
  }

  /** Waits as platforms do before they send requests: a service that runs from its sources loads many files for its first response. */
  async ready(): Promise<void> {
    const url = `${this.certPath ? 'https' : 'http'}://127.0.0.1:${this.#ports['PORT']}/readyz`
    const asked = this.certPath
      ? getOverHttps(url, { agent: false, ca: await readFile(this.certPath) })
      : getOverHttp(url, { agent: false })
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.resume()
    if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}`)
  }

  restart(seconds: number): void {
    this.#running?.child.kill('SIGKILL')
    void sleep(seconds * 1_000).then(() => (this.#isStopped ? undefined : this.start()))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#running) await kill(this.#running)
  }
}

const portOf = (server: { address(): AddressInfo | string | null }): number => (server.address() as AddressInfo).port

/** A certificate for localhost and for every host name that contains a key. */
function makeCertificate(folder: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const names = 'subjectAltName=DNS:localhost,DNS:*.flags.example,IP:127.0.0.1'
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const args = [...request, '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', cert]
  execFileSync('openssl', args, { stdio: 'ignore' })
  return { cert, key }
}
