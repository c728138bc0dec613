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
 * Another service that speaks OFREP, in its default configuration, on the core of the servers. It runs while it is asked and no longer: what
 * such a one does in between, beside a server that is measured, made the tail of that server a third longer.
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
  /** Its program: what the variable names, or else what PATH has. */
  readonly program: string
  /** How many of its answers ours are to be worth: of one flag by runtime, of 350. */
  readonly goals?: {
    readonly single: Readonly<Record<Runtime, number>>
    readonly bulk: Readonly<Record<Runtime, number>>
  }
  /** Writes what it reads, and says how it is called. */
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
/** The kinds of flags in the words of go-feature-flag. */
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

/** True when this machine has it. */
export const isPresent = ({ program }: PeerKind): boolean => !spawnSync(program, ['--help']).error

/** Starts one with these flags; resolves when it answers as it should. */
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
  // It has no way to say that it is ready but to answer.
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
  throw new Error(`Cannot measure: ${name} does not answer the flag "${wrong}" as its rule says`)
}

/** The first flag that is not answered as its rule says; all but those that split callers are true for the context of the benchmarks. */
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
