import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs promtool on a file with `content`. Returns its output if it fails; otherwise an empty text. */
export async function promtool(args: readonly string[], content: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flagstaff-promtool-'))
  try {
    const file = join(folder, 'rules.yaml')
    await writeFile(file, JSON.stringify(content)) // JSON is YAML
    const child = spawn('promtool', [...args, file], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk
      })
    const [code] = await once(child, 'close')
    return code === 0 ? '' : `exit code ${code}: ${output}`
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The value of an expression at a minute: one sample without labels, or none. */
export const expected = (expr: string, minute: number, value: number | undefined) => ({
  expr,
  eval_time: `${minute}m`,
  exp_samples: value === undefined ? [] : [{ labels: '{}', value }],
})
