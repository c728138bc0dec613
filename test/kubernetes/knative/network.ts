import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

// Pods with addresses and ports of their own, as on a node of Kubernetes: a network namespace for each, on one bridge. Everything ends with
// the process that holds the bridge's namespace; the machine itself gets one interface, and no rule or route but that of its subnet.

const TOOLS = ['ip', 'unshare', 'nsenter', 'mount']
const HOLD_MS = 5_000

/** Why this machine cannot have pods; undefined if it can. */
export function networkMissing(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const lacking = TOOLS.filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))))
  return lacking.length > 0 ? `this machine has no ${lacking.join(', ')}` : undefined
}

/** A network namespace with one address. */
export type PodNetwork = {
  readonly address: string
  /** Starts a program inside; its environment is `env` alone. */
  run(command: readonly [string, ...string[]], env: Readonly<Record<string, string>>): ChildProcess
  close(): void
}
export type PodSubnet = {
  /** Of the machine, as the pods reach it. */
  readonly hostAddress: string
  /** A new pod; `hosts` is the path of a file that it sees as /etc/hosts. */
  pod(hosts?: string): Promise<PodNetwork>
  /** Gives the pods a server of 127.0.0.1: returns the port at `hostAddress`. */
  expose(port: number): Promise<number>
  close(): Promise<void>
}

export async function openSubnet(): Promise<PodSubnet> {
  const third = freeThird()
  const addressOf = (last: number) => `10.231.${third}.${last}`
  const hostAddress = addressOf(1)
  const bridge = await hold()
  const host = `flagstaff${third}`
  const inside = `nsenter -t ${bridge.pid} -n ip`
  await script([
    `ip link add ${host} type veth peer name node netns ${bridge.pid}`,
    `ip address add ${hostAddress}/24 dev ${host}`,
    `ip link set ${host} up`,
    `${inside} link add pods type bridge`,
    `${inside} link set pods up`,
    `${inside} link set node master pods up`,
  ])
  const servers: Server[] = []
  let last = 1
  return {
    hostAddress,
    async pod(hosts) {
      last = last === 254 ? 2 : last + 1
      return startPod({ address: addressOf(last), name: `pod${last}`, inside, hosts })
    },
    async expose(port) {
      const server = relay(port)
      servers.push(server)
      server.listen(0, hostAddress)
      await once(server, 'listening')
      const address = server.address()
      return typeof address === 'object' && address ? address.port : 0
    },
    async close() {
      for (const server of servers) server.close()
      const ended = once(bridge, 'exit')
      bridge.kill('SIGKILL')
      await ended
      await script([`ip link delete ${host}`]).catch(() => undefined) // it is gone with the bridge's namespace
    },
  }
}

async function startPod(pod: {
  readonly address: string
  readonly name: string
  /** The program `ip` of the bridge's namespace. */
  readonly inside: string
  readonly hosts: string | undefined
}): Promise<PodNetwork> {
  const holder = await hold()
  const target = ['-t', String(holder.pid), '-n', '-m'] as const
  const within = `nsenter ${target.join(' ')}`
  await script([
    `${pod.inside} link add ${pod.name} type veth peer name eth0 netns ${holder.pid}`,
    `${pod.inside} link set ${pod.name} master pods up`,
    `${within} ip address add ${pod.address}/24 dev eth0`,
    `${within} ip link set eth0 up`,
    `${within} ip link set lo up`,
    ...(pod.hosts === undefined ? [] : [`${within} mount --bind ${pod.hosts} /etc/hosts`]),
  ])
  return {
    address: pod.address,
    run: ([program, ...args], env) =>
      spawn('nsenter', [...target, program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }),
    close: () => void holder.kill('SIGKILL'),
  }
}

/** A process that keeps a new network and mount namespace, and ends with this one: its standard input closes then. */
async function hold(): Promise<ChildProcess> {
  const child = spawn('unshare', ['-n', '-m', 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const late = setTimeout(() => child.kill('SIGKILL'), HOLD_MS)
  const [chunk] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => [''])])
  clearTimeout(late)
  if (!String(chunk).startsWith('held')) throw new Error('This process may not make a network namespace')
  return child
}

/** Connects each client to a port of 127.0.0.1. */
function relay(port: number): Server {
  return createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
  })
}

/** The third number of a subnet 10.231.x.0/24 that this machine does not have. */
function freeThird(): number {
  const taken = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
  const free = Array.from({ length: 254 }, (_, index) => index + 1).filter(
    (third) => !taken.some((address) => address.startsWith(`10.231.${third}.`)),
  )
  const chosen = free[Math.floor(Math.random() * free.length)]
  if (chosen === undefined) throw new Error('Every subnet of 10.231.0.0/16 is taken')
  return chosen
}

/** Runs commands one after the other until one fails. */
async function script(commands: readonly string[]): Promise<void> {
  await promisify(execFile)('sh', ['-ec', commands.join('\n')])
}
