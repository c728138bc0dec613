import { type Program, type Running, type Runtime, runProgram, startService } from '../test/support/process.ts'
import { pinned } from './processor.ts'

/** A service with one environment, `bench/e`, and a client key for it. */
export type Subject = { readonly running: Running; readonly clientKey: string }

const ADMIN_KEY = 'admin-key-for-benchmarks-0123456789'

/** Fits `TARGETED`: answers true. */
export const CONTEXT = { targetingKey: 'user-4711', email: 'ada@example.com', country: 'DE', version: '2.3.1' }
/** Three conditions, one of each kind that flagd adds to JSONLogic or that is most used of it. */
export const TARGETED = {
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: {
    if: [
      {
        and: [
          { ends_with: [{ var: 'email' }, '@example.com'] },
          { in: [{ var: 'country' }, ['DE', 'FR']] },
          { sem_ver: [{ var: 'version' }, '>=', '2.0.0'] },
        ],
      },
      'on',
      'off',
    ],
  },
}

/** Starts the service on a core of its own, with the flag `targeted`. The database is empty before. */
export async function startSubject(runtime: Runtime, env: Record<string, string>): Promise<Subject> {
  const running = await startService({ FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, ...env }, { runtime, prefix: pinned(1) })
  const send = async (method: string, path: string, content: unknown): Promise<{ secret: string }> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
    const response = await fetch(`${running.address}/api/v1${path}`, { method, headers, body: JSON.stringify(content) })
    if (!response.ok) throw new Error(`Cannot measure: ${method} ${path} answers ${response.status}`)
    return response.json() as Promise<{ secret: string }>
  }
  await send('POST', '/projects', { key: 'bench' })
  await send('POST', '/projects/bench/environments', { key: 'e' })
  await send('PUT', '/projects/bench/environments/e/flagset', { flags: { targeted: TARGETED } })
  const environment = { project: 'bench', environment: 'e' }
  const { secret: clientKey } = await send('POST', '/keys', { name: 'bench', role: 'client', environment })
  return { running, clientKey }
}

/** Starts a reference server on the same core, and says where it listens. */
export async function startReference(
  file: string,
  runtime: Runtime,
  args: readonly string[] = [],
): Promise<{ program: Program; port: number }> {
  const program = runProgram(file, {}, { runtime, args, prefix: pinned(1) })
  const [, port] = await program.says(/listening on (\d+)/)
  return { program, port: Number(port) }
}
