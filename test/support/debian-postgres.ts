// Servers of Debian's Postgres package: it has TLS and includes psql.
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, chownSync, cpSync, existsSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startAtFreePort, startDaemon } from './daemon.ts'

const BIN = globSync('/usr/lib/postgresql/*/bin').sort().at(-1) ?? ''
/** Whether this machine has Debian's Postgres with psql. Tests that need it report that they were left out if it is missing. */
export const HAS_DEBIAN_POSTGRES = existsSync(join(BIN, 'postgres')) && existsSync('/usr/bin/psql')

export type DebianPostgres = {
  readonly port: number
  /** The folder of its Unix socket, with the same port. */
  readonly sockets: string
  stop(): Promise<void>
}
type Options = {
  readonly settings?: Readonly<Record<string, string>>
  /** Lines of pg_hba.conf. */
  readonly access: readonly string[]
}

/** Makes an empty cluster in `folder`, which servers copy. The superuser is "postgres". */
export function makeCluster(folder: string): string {
  mkdirSync(folder)
  own(folder)
  const cluster = join(folder, 'cluster')
  const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync']
  const [command, ...args] = asPostgres(join(BIN, 'initdb'), [...options, '-D', cluster])
  execFileSync(command, args, { cwd: folder, stdio: 'pipe' })
  return cluster
}

/** Starts a server on 127.0.0.1 and ::1 with a copy of `cluster`, which is created beside it. */
export function startDebianPostgres(cluster: string, options: Options): Promise<DebianPostgres> {
  return startAtFreePort((port) => startAt(port, cluster, options))
}

async function startAt(port: number, cluster: string, { settings, access }: Options): Promise<DebianPostgres> {
  const data = `${cluster}-${port}`
  const sockets = `${data}-sockets`
  execFileSync('cp', ['-a', cluster, data])
  mkdirSync(sockets)
  own(sockets)
  writeFileSync(join(data, 'pg_hba.conf'), `${access.join('\n')}\n`)
  const all = {
    listen_addresses: '127.0.0.1,::1',
    port: String(port),
    unix_socket_directories: sockets,
    fsync: 'off',
    shared_buffers: '16MB',
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'`)
  appendFileSync(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`)
  const child = await startDaemon({
    command: asPostgres(join(BIN, 'postgres'), ['-D', data]),
    ready: /ready to accept (?:read-only )?connections/,
    options: { cwd: data },
  })
  const stop = async () => {
    child.kill('SIGQUIT')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return { port, sockets, stop }
}

/** Makes a cluster in `folder` as a copy of a running server's. A server that is started with it is a standby of that one. */
export function makeStandby(folder: string, { port }: DebianPostgres): string {
  mkdirSync(folder)
  own(folder)
  const standby = join(folder, 'cluster')
  const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres']
  const [command, ...args] = asPostgres(join(BIN, 'pg_basebackup'), [
    ...from,
    '-D',
    standby,
    '-R',
    '-X',
    'stream',
    '-c',
    'fast',
  ])
  execFileSync(command, args, { cwd: folder, stdio: 'pipe' })
  return standby
}

/** Copies a file so that only the server may read the copy. */
export function handOver(file: string, to: string): string {
  cpSync(file, to)
  chmodSync(to, 0o600)
  own(to)
  return to
}

/** Runs psql with only `env` as its environment, and without a home. Resolves to its output; rejects if it fails. */
export async function psql(url: string, query: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const args = [url, '-wXAtF', ' ', '-c', query]
  const options = { env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', ...env }, timeout: 20_000 }
  const { stdout } = await promisify(execFile)('/usr/bin/psql', args, options)
  return stdout.trim()
}

/** Runs a client program of the package, such as pg_dump, with only PATH in its environment. */
export async function runClient(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(join(BIN, program), args, { env: { PATH: '/usr/bin:/bin' }, timeout: 60_000 })
}

/** Postgres does not run as root. */
function asPostgres(program: string, args: readonly string[]): [string, ...string[]] {
  if (process.getuid?.() !== 0) return [program, ...args]
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]
}

function own(path: string): void {
  if (process.getuid?.() !== 0) return
  const [, , uid, gid] = execFileSync('getent', ['passwd', 'postgres'], { encoding: 'utf8' }).split(':')
  chownSync(path, Number(uid), Number(gid))
}
