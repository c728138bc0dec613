import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseRedisUrl } from '../../src/config/redis.ts'
import { openRedis } from '../../src/repository/redis/client.ts'

export type RedisServer = {
  readonly url: string
  readonly port: number
  /** Stops the process, like a machine whose memory is swapped out: connections stay open without responses. */
  freeze(): void
  thaw(): void
  /** Ends at once and loses all data. */
  kill(): Promise<void>
  /** Restarts on the same port, empty. */
  start(): Promise<void>
}

/** Whether this machine has a redis-server. Tests that need one report that they were left out if it is missing. */
export const HAS_REDIS = await new Promise<boolean>((resolve) => {
  const child = spawn('redis-server', ['--version'], { stdio: 'ignore' })
  child.once('error', () => resolve(false))
  child.once('exit', (code) => resolve(code === 0))
})

/** Starts a new Redis on a free port of 127.0.0.1, without a file on disk; `options` are additional options of redis-server. */
export async function startRedis(options: readonly string[] = []): Promise<RedisServer> {
  const first = await launchAtFreePort(options)
  const { port, url } = first
  let { child } = first
  const kill = async () => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return {
    url,
    port,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    kill,
    start: async () => {
      child = await launch(port, url, options)
    },
  }
}

const LAUNCHES_MAX = 3

/** Another process may take a port between the moment when it is found free and the launch: then the server ends, and a new port is tried. */
async function launchAtFreePort(options: readonly string[]) {
  for (let launches = 1; ; launches += 1) {
    const port = await freePort()
    const url = `redis://127.0.0.1:${port}`
    try {
      return { port, url, child: await launch(port, url, options) }
    } catch (error) {
      if (launches === LAUNCHES_MAX) throw error
    }
  }
}

async function launch(port: number, url: string, options: readonly string[]) {
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...options],
    { stdio: 'ignore' },
  )
  const { send, close } = openRedis(parseRedisUrl(url))
  // It has no readiness signal other than a response.
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
    try {
      await send(['PING'])
      await close()
      return child
    } catch {
      await sleep(25)
    }
  }
  child.kill('SIGKILL')
  throw new Error(`redis-server did not start: ${child.exitCode === null ? 'it does not answer' : 'it ended'}`)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}
