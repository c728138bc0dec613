import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../test/support/daemon.ts'

/** A command and its complete environment, except the port. */
export type Start = { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> }
/** `residentMb`: resident memory `SETTLED_MS` after the first response. */
export type Cold = { readonly ms: number; readonly residentMb: number }

const POLL_MS = 0.5
const GIVE_UP_MS = 20_000
const SETTLED_MS = 400
const QUESTION = JSON.stringify({ context: { targetingKey: 'ada', email: 'ada@example.com' } })
const RIGHT = /^HTTP\/1\.1 200 [\s\S]*"value":true/

/** Starts a program and polls it: milliseconds from the start to the first correct evaluation. */
export async function coldStart(start: Start, key: string): Promise<Cold> {
  const { child, ms, end } = await answering(start, key)
  await sleep(SETTLED_MS)
  const residentMb = residentMbOf(child)
  await end('SIGKILL')
  return { ms, residentMb }
}

/** Starts a program, waits for its first response and stops it with SIGTERM, on which Node stores its compile cache. */
export async function startOnce(start: Start): Promise<void> {
  const { end } = await answering(start, '')
  await end('SIGTERM')
}

async function answering({ command: [program = '', ...args], env }: Start, key: string) {
  const port = await freePort()
  const ports = { PORT: String(port), GRPC_PORT: String(await freePort()), HOST: '127.0.0.1' }
  const begin = performance.now()
  const child = spawn(program, args, { env: { ...env, ...ports }, stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await ended
  }
  for (let answer = ''; !RIGHT.test(answer); answer = await evaluateOnce(port, key).catch(() => '')) {
    if (child.exitCode !== null || performance.now() - begin > GIVE_UP_MS) {
      await end('SIGKILL')
      throw new Error(`Cannot measure: no correct response, the last was "${answer}"`)
    }
    await sleep(POLL_MS)
  }
  return { child, ms: performance.now() - begin, end }
}

/** One evaluation on a new connection; rejects while the port is closed. */
async function evaluateOnce(port: number, key: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const head = [
    'POST /ofrep/v1/evaluate/flags/a HTTP/1.1',
    'host: 127.0.0.1',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${QUESTION.length}`,
    'connection: close',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${QUESTION}`)
  let answer = ''
  for await (const chunk of socket) {
    answer += chunk
    if (RIGHT.test(answer)) break
  }
  socket.destroy()
  return answer
}

/** https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function residentMbOf({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024) / 1e6
}
