import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { builtOf, missingOf } from '../kubernetes/build.ts'
import { startAtFreePort } from './daemon.ts'

/** A real kube-apiserver with its etcd and without controllers: objects are checked, stored and watched, and nothing acts on them. */
export type ApiServer = {
  readonly url: string
  /** PEM file of the authority that signed its certificate. */
  readonly caFile: string
  /** A file for kubectl and other clients; its user may do everything. */
  readonly kubeconfig: string
  /** The bearer token of each user; `admin` is always one. */
  readonly tokens: Readonly<Record<string, string>>
  /** Runs kubectl as `admin` and returns its standard output. Rejects with its message if it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  /** Applies the resource definitions of a file or a folder and waits until they are served. */
  applyDefinitions(path: string): Promise<void>
  /** Kills it and starts it again at the same address, with everything stored. */
  restart(): Promise<void>
  close(): Promise<void>
}
export type ApiServerOptions = {
  /** Users beside `admin`, who may do nothing until a Role says so. */
  readonly users?: readonly string[]
  /** Address that it listens on; 127.0.0.1 by default. */
  readonly host?: string
}

const ADMIN = 'admin'
const READY_MS = 100_000
const PROBE_MS = 100
const KUBECTL_MS = 60_000

/** Why this machine has no API server or no kubectl; undefined if it has both. Tests that need them say that they were left out. */
export const API_SERVER_MISSING: string | undefined = missingOf(['kube-apiserver', 'kubectl'])

/** Starts an API server on a free port with nothing stored. Needs `API_SERVER_MISSING` to be undefined. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-kubernetes-'))
  try {
    return await startAtFreePort((port) => startAt(port, folder, options))
  } catch (error) {
    rmSync(folder, { recursive: true })
    throw error
  }
}

async function startAt(port: number, folder: string, { users = [], host = '127.0.0.1' }: ApiServerOptions) {
  const [caFile, kubeconfig] = [join(folder, 'certs/apiserver.crt'), join(folder, 'kubeconfig')]
  const tokens = Object.fromEntries([ADMIN, ...users].map((user) => [user, randomBytes(16).toString('hex')]))
  const server = `https://${host}:${port}`
  const start = async () => {
    const started = launch(port, folder, { tokens, host })
    const ended = once(started, 'exit')
    await isReady(started, { folder, caFile, server, token: tokens[ADMIN] ?? '' })
    return async () => {
      started.kill('SIGKILL')
      await ended
    }
  }
  let end = await start()
  writeFileSync(kubeconfig, kubeconfigOf(server, caFile, tokens[ADMIN] ?? ''))
  const kubectl = (args: readonly string[], input = '') => runKubectl(kubeconfig, folder, args, input)
  return {
    url: server,
    caFile,
    kubeconfig,
    tokens,
    kubectl,
    async applyDefinitions(path: string) {
      const args = ['apply', '--server-side', '-f', path, '-o', 'name']
      const names = (await kubectl(args)).trim().split('\n')
      await kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...names])
    },
    async restart() {
      await end()
      end = await start()
    },
    async close() {
      await end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Starts the program; its log is a file of `folder`, which it keeps open by itself. */
function launch(port: number, folder: string, { tokens, host }: { tokens: Record<string, string>; host: string }) {
  const [key, users] = [join(folder, 'account.key'), join(folder, 'tokens.csv')]
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(key, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  const lines = Object.entries(tokens).map(
    ([user, token]) => `${token},${user},${user}${user === ADMIN ? ',system:masters' : ''}\n`,
  )
  writeFileSync(users, lines.join(''))
  const built = builtOf('kube-apiserver')
  if ('missing' in built) throw new Error(`There is no API server: ${built.missing}`)
  const log = openSync(join(folder, 'log'), 'a')
  const args = [
    ...[`--secure-port=${port}`, `--bind-address=${host}`, `--advertise-address=${host}`],
    ...[`--cert-dir=${join(folder, 'certs')}`, `--token-auth-file=${users}`, '--anonymous-auth=false'],
    ...['--authorization-mode=RBAC', '--service-cluster-ip-range=10.0.0.0/24', '--endpoint-reconciler-type=none'],
    ...['--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${key}`],
    // Without the controller that makes a service account for each namespace, this plugin would refuse every pod.
    ...[`--service-account-signing-key-file=${key}`, '--disable-admission-plugins=ServiceAccount'],
  ]
  const env = { ...process.env, ETCD_DIR: join(folder, 'etcd') }
  return spawn(join(built.output, 'kube-apiserver'), args, { env, stdio: ['ignore', log, log] })
}

async function isReady(
  child: ChildProcess,
  { folder, caFile, server, token }: { folder: string; caFile: string; server: string; token: string },
): Promise<void> {
  for (const late = performance.now() + READY_MS; performance.now() < late; await sleep(PROBE_MS)) {
    if (child.exitCode !== null || child.signalCode !== null) break
    if ((await statusOf(`${server}/readyz`, caFile, token)) === 200) return
  }
  child.kill('SIGKILL')
  throw new Error(`The API server did not start: ${readFileSync(join(folder, 'log'), 'utf8').slice(-2_000)}`)
}

async function statusOf(url: string, caFile: string, token: string): Promise<number | undefined> {
  try {
    const headers = { authorization: `Bearer ${token}` }
    const asked = get(url, { agent: false, ca: readFileSync(caFile), headers, timeout: 2_000 })
    asked.once('timeout', () => asked.destroy())
    const [{ statusCode }] = (await once(asked, 'response')) as [IncomingMessage]
    asked.destroy()
    return statusCode
  } catch {
    return undefined // its certificate is not written yet, or it does not listen yet
  }
}

/** JSON, which is YAML too. */
const kubeconfigOf = (server: string, caFile: string, token: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin', namespace: 'default' } }],
    'current-context': 'test',
  })

async function runKubectl(kubeconfig: string, folder: string, args: readonly string[], input: string): Promise<string> {
  const built = builtOf('kubectl')
  if ('missing' in built) throw new Error(`There is no kubectl: ${built.missing}`)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  // Its cache of what the server serves is in the home folder by default.
  const options = { env: { HOME: folder, PATH: process.env['PATH'] }, timeout: KUBECTL_MS, maxBuffer: 2 ** 26 }
  const program = join(built.output, 'bin/kubectl')
  const child = execFile(program, [`--kubeconfig=${kubeconfig}`, ...args], options, (error, stdout, stderr) =>
    error ? reject(new Error(`kubectl ${args.join(' ')}: ${stderr || error.message}`)) : resolve(stdout),
  )
  child.stdin?.end(input)
  return promise
}
