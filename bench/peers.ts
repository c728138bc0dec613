import { spawn, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../test/support/daemon.ts'
import type { Runtime } from '../test/support/process.ts'
import { type Flags, FRACTIONAL, STATIC } from './http-cases.ts'
import { pinned } from './processor.ts'
import { CONTEXT, TARGETED } from './subject.ts'

/**
 * Another service with OFREP, in its default configuration, on the core of the servers. Its process is stopped (SIGSTOP) except while it is
 * measured: its background work increased the p99 of the measured server by a third.
 */
export type Peer = {
  readonly pid: number
  readonly port: number
  during<T>(work: () => Promise<T>): Promise<T>
  stop(): void
}
/** A service that can be compared. */
export type PeerKind = {
  readonly name: string
  /** The program that a variable names, or the one in PATH. */
  readonly program: string
  /** Least ratios of our rate to its rate: for one flag, and for 350. */
  readonly goals?: {
    readonly single: Readonly<Record<Runtime, number>>
    readonly bulk: Readonly<Record<Runtime, number>>
  }
  /** Writes its configuration and returns its arguments. */
  readonly prepare: (flags: Flags, folder: string, port: number) => Promise<string[]>
}

const FLAGD: PeerKind = {
  name: 'flagd',
  program: process.env['FLAGD'] ?? 'flagd',
  goals: { single: { bun: 4.5, node: 2.3 }, bulk: { bun: 20, node: 14 } },
  // https://flagd.dev/reference/flagd-cli/flagd_start/
  prepare: async (flags, folder, port) => {
    const file = join(folder, `flagd-${port}.json`)
    await writeFile(file, JSON.stringify({ flags }))
    const [rpc, management, sync] = [await freePort(), await freePort(), await freePort()]
    const ports = ['--ofrep-port', port, '--port', rpc, '--management-port', management, '--sync-port', sync]
    return ['start', '--uri', `file:${file}`, ...ports.map(String)]
  },
}

const VARIATIONS = { on: true, off: false }
const QUERY = '(email ew "@example.com") and (country in ["DE", "FR"]) and (version ge 2.0.0)'
/** The kinds of flags in the format of go-feature-flag. */
const RELAY_FORMS = new Map<object, object>([
  [STATIC, { variations: VARIATIONS, defaultRule: { variation: 'on' } }],
  [
    TARGETED,
    {
      variations: VARIATIONS,
      targeting: [{ query: QUERY, variation: 'on' }],
      defaultRule: { variation: 'off' },
    },
  ],
  [FRACTIONAL, { variations: VARIATIONS, defaultRule: { percentage: { on: 50, off: 50 } } }],
])

const RELAY_PROXY: PeerKind = {
  name: 'go-feature-flag',
  program: process.env['GO_FEATURE_FLAG'] ?? 'go-feature-flag',
  // https://gofeatureflag.org/docs/relay-proxy/configure-relay-proxy; JSON is YAML
  prepare: async (flags, folder, port) => {
    const file = join(folder, `go-feature-flag-${port}.json`)
    const forms = Object.entries(flags).map(([key, flag]) => [key, RELAY_FORMS.get(flag)])
    await writeFile(file, JSON.stringify(Object.fromEntries(forms)))
    const config = join(folder, `relay-proxy-${port}.yaml`)
    await writeFile(config, JSON.stringify({ listen: port, retrievers: [{ kind: 'file', path: file }] }))
    return ['--config', config]
  },
}

export const PEERS: readonly PeerKind[] = [FLAGD, RELAY_PROXY]
const READY_TRIES = 100
const READY_MS = 100

/** True if it is installed on this machine. */
export const isPresent = ({ program }: PeerKind): boolean => !spawnSync(program, ['--help']).error

/** Starts one with these flags; resolves when its responses are correct. */
export async function startPeer({ name, program, prepare }: PeerKind, flags: Flags, folder: string): Promise<Peer> {
  const port = await freePort()
  const [command = program, ...args] = [...pinned(1), program, ...(await prepare(flags, folder, port))]
  const child = spawn(command, args, { stdio: 'ignore' })
  const during = async <T>(work: () => Promise<T>): Promise<T> => {
    child.kill('SIGCONT')
    try {
      return await work()
    } finally {
      child.kill('SIGSTOP')
    }
  }
  const peer = { port, pid: child.pid ?? 0, during, stop: () => void child.kill('SIGKILL') }
  // Correct responses are its only sign of readiness.
  const wrong = await during(async () => {
    let first = await firstWrong(flags, port)
    for (let tries = 0; first !== undefined && tries < READY_TRIES; tries++) {
      await sleep(READY_MS)
      first = await firstWrong(flags, port)
    }
    return first
  })
  if (wrong === undefined) return peer
  peer.stop()
  throw new Error(`Cannot measure: ${name} does not evaluate the flag "${wrong}" correctly`)
}

/** The first flag with a wrong value; all except splits are true for the context of the benchmarks. */
async function firstWrong(flags: Flags, port: number): Promise<string | undefined> {
  const body = JSON.stringify({ context: CONTEXT })
  const headers = { 'content-type': 'application/json' }
  for (const [key, flag] of Object.entries(flags)) {
    const url = `http://127.0.0.1:${port}/ofrep/v1/evaluate/flags/${key}`
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
    const { value } = answer?.ok ? ((await answer.json()) as { value?: unknown }) : {}
    if (typeof value !== 'boolean' || (flag !== FRACTIONAL && !value)) return key
  }
  return undefined
}
