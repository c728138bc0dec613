import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { isAbsolute, join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const START_MS = 20_000

export type Runtime = 'node' | 'bun'
/** The runtime of this test; the service is tested on the same one. */
export const RUNTIME: Runtime = 'Bun' in globalThis ? 'bun' : 'node'

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null }
export type Program = {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** All output on stdout and stderr so far. */
  output(): string
  /** Resolves when the output matches `pattern`; rejects if the program ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>
}
export type Running = Program & { readonly address: string; readonly grpcPort: number }

/** Runs one of our programs with only PATH and `env` as its environment. */
export function runProgram(
  file: string,
  env: Readonly<Record<string, string>>,
  options: { args?: readonly string[]; cwd?: string; runtime?: Runtime; prefix?: readonly string[] } = {},
): Program {
  const runtime = join(ROOT, 'node_modules/.bin', options.runtime ?? RUNTIME)
  const [command = runtime, ...rest] = [
    ...(options.prefix ?? []),
    runtime,
    isAbsolute(file) ? file : join(ROOT, file),
    ...(options.args ?? []),
  ]
  const child = spawn(command, rest, {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  const listeners = new Set<() => void>()
  const take = (chunk: Buffer) => {
    text += chunk.toString()
    for (const listener of listeners) listener()
  }
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal }))
  const says = (pattern: RegExp) => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
    const timer = setTimeout(
      () => reject(new Error(`No output matched ${pattern} within ${START_MS} ms: ${text}`)),
      START_MS,
    )
    const look = () => {
      const found = pattern.exec(text)
      if (found) resolve(found)
    }
    listeners.add(look)
    look()
    ended.then(() => reject(new Error(`It ended without output that matches ${pattern}: ${text}`)))
    return promise.finally(() => {
      clearTimeout(timer)
      listeners.delete(look)
    })
  }
  return { child, ended, output: () => text, says }
}

/** Starts the service on a free port of 127.0.0.1 and waits until it listens. `file` is a different start file. */
export async function startService(
  env: Record<string, string>,
  { file = 'src/main.ts', ...options }: Parameters<typeof runProgram>[2] & { file?: string } = {},
): Promise<Running> {
  const program = runProgram(file, { PORT: '0', HOST: '127.0.0.1', ...env }, options)
  const [, port] = await program
    .says(/"message":"Listening".*"port":(\d+)|listening on http:\/\/127\.0\.0\.1:(\d+)/)
    .then((found) => found.filter(Boolean))
  const [, grpcPort] = /"grpcPort":(\d+)|gRPC at 127\.0\.0\.1:(\d+)/.exec(program.output())?.filter(Boolean) ?? []
  return { ...program, address: `http://127.0.0.1:${port}`, grpcPort: Number(grpcPort) }
}

/** Ends a program that a test left running. */
export async function kill(program: Program): Promise<void> {
  program.child.kill('SIGKILL')
  await program.ended
}
