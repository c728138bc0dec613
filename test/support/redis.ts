import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { startAtFreePort, startDaemon } from './daemon.ts'

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
  let child: ChildProcess
  const launch = async (port: number): Promise<number> => {
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
    child = await startDaemon({ command: ['redis-server', ...own, ...options], ready: /Ready to accept connections/ })
    return port
  }
  const port = await startAtFreePort(launch)
  const kill = async () => {
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    kill,
    start: async () => {
      await launch(port)
    },
  }
}
