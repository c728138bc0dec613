import { spawn, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../test/support/redis.ts'
import { FRACTIONAL, STATIC } from './http-cases.ts'
import { pinned } from './processor.ts'
import { TARGETED } from './subject.ts'

/** Another service that speaks OFREP, in its default configuration and with the same flags, on the core of the servers. */
export type Peer = { readonly name: string; readonly pid: number; readonly port: number; stop(): void }
type Kind = {
  readonly name: string
  /** Its program: what the variable names, or else what PATH has. */
  readonly program: string
  /** Writes what it reads, and says how it is called. */
  readonly prepare: (folder: string, port: number) => Promise<string[]>
}

const FLAGD: Kind = {
  name: 'flagd',
  program: process.env['FLAGD'] ?? 'flagd',
  // https://flagd.dev/reference/flagd-cli/flagd_start/
  prepare: async (folder, port) => {
    const file = join(folder, 'flagd.json')
    const flags = { static: STATIC, targeted: TARGETED, fractional: FRACTIONAL }
    await writeFile(file, JSON.stringify({ flags }))
    const [rpc, management, sync] = [await freePort(), await freePort(), await freePort()]
    const ports = ['--ofrep-port', port, '--port', rpc, '--management-port', management, '--sync-port', sync]
    return ['start', '--uri', `file:${file}`, ...ports.map(String)]
  },
}

const VARIATIONS = { on: true, off: false }
const RELAY_PROXY: Kind = {
  name: 'go-feature-flag',
  program: process.env['GO_FEATURE_FLAG'] ?? 'go-feature-flag',
  // https://gofeatureflag.org/docs/relay-proxy/configure-relay-proxy; JSON is YAML
  prepare: async (folder, port) => {
    const file = join(folder, 'go-feature-flag.json')
    const query = '(email ew "@example.com") and (country in ["DE", "FR"]) and (version ge 2.0.0)'
    const flags = {
      static: { variations: VARIATIONS, defaultRule: { variation: 'on' } },
      targeted: {
        variations: VARIATIONS,
        targeting: [{ query, variation: 'on' }],
        defaultRule: { variation: 'off' },
      },
      fractional: { variations: VARIATIONS, defaultRule: { percentage: { on: 50, off: 50 } } },
    }
    await writeFile(file, JSON.stringify(flags))
    const config = join(folder, 'relay-proxy.yaml')
    await writeFile(config, JSON.stringify({ listen: port, retrievers: [{ kind: 'file', path: file }] }))
    return ['--config', config]
  },
}

const READY_TRIES = 100
const READY_MS = 100

/** Starts those that this machine has; `absent` names the others. */
export async function startPeers(folder: string): Promise<{ peers: Peer[]; absent: string[] }> {
  const peers: Peer[] = []
  const absent: string[] = []
  for (const kind of [FLAGD, RELAY_PROXY]) {
    const peer = await startPeer(kind, folder)
    if (peer) peers.push(peer)
    else absent.push(kind.name)
  }
  return { peers, absent }
}

async function startPeer({ name, program, prepare }: Kind, folder: string): Promise<Peer | undefined> {
  if (spawnSync(program, ['--help']).error) return undefined
  const port = await freePort()
  const [command = program, ...args] = [...pinned(1), program, ...(await prepare(folder, port))]
  const child = spawn(command, args, { stdio: 'ignore' })
  const peer = { name, port, pid: child.pid ?? 0, stop: () => void child.kill('SIGKILL') }
  const url = `http://127.0.0.1:${port}/ofrep/v1/evaluate/flags/static`
  const body = JSON.stringify({ context: { targetingKey: 'a' } })
  const headers = { 'content-type': 'application/json' }
  // It has no way to say that it is ready but to answer.
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const answer = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined)
    if (answer?.ok) return peer
    await sleep(READY_MS)
  }
  peer.stop()
  throw new Error(`Cannot measure: ${name} does not answer at ${url}`)
}
