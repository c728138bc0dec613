import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pinned } from './processor.ts'

/** One request of a load. If `isNewEachTime` is set, `@` in the body is a different number each time. */
export type Shot = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly isNewEachTime?: boolean
}
/** The result of wrk. `p99` is in milliseconds, at full load. */
export type Volley = { readonly requests: number; readonly perSecond: number; readonly p99: number }

/** Sends one request repeatedly to a port of this machine, from its own core. `folder` is for the script. Rejects if a response is an error. */
export async function wrk(
  shot: Shot,
  { port, seconds, connections, folder }: { port: number; seconds: number; connections: number; folder: string },
): Promise<Volley> {
  const script = join(folder, `${port}.lua`)
  await writeFile(script, scriptOf(shot))
  const args = ['-t1', `-c${connections}`, `-d${seconds}`, '--latency', '-s', script]
  const [command = '', ...rest] = [...pinned(0), 'wrk', ...args, `http://127.0.0.1:${port}${shot.path}`]
  const { stdout } = await promisify(execFile)(command, rest)
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0)
  if (requests === 0 || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`Cannot measure ${shot.path}: ${stdout}`)
  const [, value = '', unit = ''] = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  const p99 = Number(value) * ({ us: 0.001, ms: 1, s: 1_000 }[unit] ?? Number.NaN)
  return { requests, perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]), p99 }
}

function scriptOf({ method, headers, body, isNewEachTime }: Shot): string {
  const lines = [`wrk.method = "${method}"`]
  for (const [name, value] of Object.entries(headers)) lines.push(`wrk.headers[ [[${name}]] ] = [[${value}]]`)
  if (body !== undefined) lines.push(`wrk.body = [[${body}]]`)
  if (isNewEachTime)
    lines.push(
      'local body, sent = wrk.body, os.time() * 1000000',
      'request = function()',
      '  sent = sent + 1',
      '  return wrk.format(nil, nil, nil, (body:gsub("@", string.format("%d", sent))))',
      'end',
    )
  return lines.join('\n')
}
