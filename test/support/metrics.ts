import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Whether this machine has Prometheus's own tool. The test that needs it reports that it was left out if it is missing. */
export const HAS_PROMTOOL = await new Promise<boolean>((resolve) => {
  const child = spawn('promtool', ['--version'], { stdio: 'ignore' })
  child.once('error', () => resolve(false))
  child.once('exit', (code) => resolve(code === 0))
})

/** Errors that Prometheus's own tool finds in this text; empty if there are none. */
export async function lint(text: string): Promise<string> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  child.stdin.end(text)
  const [code] = await once(child, 'close')
  return code === 0 ? output : `${output}exit code ${code}`
}

/** The samples of a text, by the text before their value; exemplars and comments are omitted. */
export function samplesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, name = line, value = ''] = /^(\w+(?:\{.*?\})?) (\S+)(?: # .*)?$/.exec(line) ?? []
      return [name, Number(value)]
    }),
  )
}
