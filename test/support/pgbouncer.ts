import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startAtFreePort, startDaemon } from './daemon.ts'

const NAMED = process.env['PGBOUNCER']
/** The program that the variable PGBOUNCER names, or the installed one. Debian's is not in an ordinary user's PATH. */
const PROGRAM = NAMED || ['/usr/sbin/pgbouncer'].find(existsSync) || 'pgbouncer'

export type PoolerVersion = { readonly major: number; readonly minor: number; readonly text: string }
/** Version of the program; undefined if none is installed: tests report that they were left out. */
export const PGBOUNCER: PoolerVersion | undefined = readVersion()

/** A pooler in front of the server of `url`; its own `url` is of the same database by way of the pooler. */
export type Pooler = { readonly url: string; close(): Promise<void> }

/** Starts pgbouncer in transaction mode. Options that are absent from `settings` have their defaults. */
export function startPooler(url: string, settings: Readonly<Record<string, string | number>> = {}): Promise<Pooler> {
  return startAtFreePort((port) => startAt(port, new URL(url), settings))
}

async function startAt(
  port: number,
  server: URL,
  settings: Readonly<Record<string, string | number>>,
): Promise<Pooler> {
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-pgbouncer-'))
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: join(folder, 'users'),
    pool_mode: 'transaction',
    ...(process.getuid?.() === 0 && { user: 'nobody' }), // it does not run as root
    ...settings,
  }
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(join(folder, 'users'), `"${server.username}" ""\n`)
  writeFileSync(
    file,
    `[databases]\n* = host=${server.hostname} port=${server.port}\n[pgbouncer]\n${Object.entries(lines)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  )
  chmodSync(folder, 0o755)
  const child = await startDaemon({ command: [PROGRAM, file], ready: /process up/ })
  const ended = once(child, 'close')
  const pooled = new URL(server)
  pooled.port = String(port)
  return {
    url: pooled.href,
    async close() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

/** Throws if the variable PGBOUNCER names something else than pgbouncer. */
function readVersion(): PoolerVersion | undefined {
  let output = ''
  try {
    output = execFileSync(PROGRAM, ['--version'], { encoding: 'utf8' })
  } catch (cause) {
    if (NAMED) throw new Error(`Cannot run PGBOUNCER="${NAMED}"`, { cause })
    return undefined
  }
  const [, text, major, minor] = /PgBouncer ((\d+)\.(\d+)\S*)/.exec(output) ?? []
  if (text === undefined) throw new Error(`"${PROGRAM} --version" does not print a version of pgbouncer: ${output}`)
  return { major: Number(major), minor: Number(minor), text }
}
