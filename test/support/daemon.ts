import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

const STARTS_MAX = 3
const READY_MS = 10_000

/**
 * Starts a server at a free port of 127.0.0.1. Another process may take the port before the server listens: then `start` rejects, and another
 * port is tried. After `STARTS_MAX` failures the error of the last one is thrown.
 */
export async function startAtFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let starts = 1; ; starts += 1) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (starts === STARTS_MAX) throw error
    }
  }
}

/** A port of 127.0.0.1 that is free at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

/** A server program and the line of its log, on stdout or stderr, after which it accepts connections. */
export type Daemon = {
  readonly command: readonly [string, ...string[]]
  readonly ready: RegExp
  readonly options?: SpawnOptions
}

/** Starts a server program and waits until it is ready. Rejects with its log if it ends first, or is not ready in time. */
export async function startDaemon({ command: [program, ...args], ready, options }: Daemon): Promise<ChildProcess> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  let log: string | undefined = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      if (log === undefined) return
      log += chunk
      if (ready.test(log)) resolve(true)
    })
  child.once('error', () => resolve(false)).once('close', () => resolve(false))
  const timer = setTimeout(() => resolve(false), READY_MS)
  const isReady = await promise
  clearTimeout(timer)
  if (!isReady) {
    child.kill('SIGKILL')
    throw new Error(`${program} did not start: ${log}`)
  }
  log = undefined
  return child
}
