import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Whether this machine has Prometheus's own tool; the test that needs it says that it was left out where it has none. */
export const HAS_PROMTOOL = await new Promise<boolean>((resolve) => {
  const child = spawn('promtool', ['--version'], { stdio: 'ignore' })
  child.once('error', () => resolve(false))
  child.once('exit', (code) => resolve(code === 0))
})

/** What Prometheus's own tool finds wrong with this text: nothing, when it is as it should be. */
export async function lint(text: string): Promise<string> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk
    })
  child.stdin.end(text)
  const [code] = await once(child, 'close')
  return code === 0 ? said : `${said}exit code ${code}`
}

/** The samples of a text by what stands before their value; exemplars and comments are left out. */
export function samplesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, name = line, value = ''] = /^(\w+(?:\{.*?\})?) (\S+)(?: # .*)?$/.exec(line) ?? []
      return [name, Number(value)]
    }),
  )
}
