import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './redis.ts'

/** Debian does not include it in an ordinary user's PATH. */
const PROGRAM = ['/usr/sbin/pgbouncer', 'pgbouncer'].find((program) => versionOf(program) !== undefined)

/** `[major, minor]` of the pgbouncer on this machine; undefined if it is missing: tests report that they were left out. */
export const PGBOUNCER: readonly [number, number] | undefined = PROGRAM === undefined ? undefined : versionOf(PROGRAM)

/** A pooler in front of the server of `url`; its own `url` is of the same database by way of the pooler. */
export type Pooler = { readonly url: string; close(): Promise<void> }

/** Starts pgbouncer in transaction mode. Options that are absent from `settings` have their defaults. */
export async function startPooler(
  url: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<Pooler> {
  const { hostname, port, username } = new URL(url)
  const own = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'flagstaff-pgbouncer-'))
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: own,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: join(folder, 'users'),
    pool_mode: 'transaction',
    ...(process.getuid?.() === 0 && { user: 'nobody' }), // it does not run as root
    ...settings,
  }
  const file = join(folder, 'pgbouncer.ini')
  writeFileSync(join(folder, 'users'), `"${username}" ""\n`)
  writeFileSync(
    file,
    `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\n${Object.entries(lines)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  )
  chmodSync(folder, 0o755)
  const child = spawn(PROGRAM ?? 'pgbouncer', [file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk
  })
  const ended = once(child, 'close')
  await listening(
    own,
    () => child.exitCode !== null,
    () => output,
  )
  const pooled = new URL(url)
  pooled.port = String(own)
  return {
    url: pooled.href,
    async close() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

async function listening(port: number, hasEnded: () => boolean, output: () => string): Promise<void> {
  for (let tries = 0; tries < 200 && !hasEnded(); tries++) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await sleep(50)
  }
  throw new Error(`pgbouncer does not listen: ${output()}`)
}

function versionOf(program: string): [number, number] | undefined {
  try {
    const [, major, minor] =
      /PgBouncer (\d+)\.(\d+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' })) ?? []
    return [Number(major), Number(minor)]
  } catch {
    return undefined
  }
}
