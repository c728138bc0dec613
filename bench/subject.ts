import { type Program, type Running, type Runtime, runProgram, startService } from '../test/support/process.ts'
import { IMAGE_SETTINGS } from './image-settings.ts'
import { pinned } from './processor.ts'

/** Calls the management API below `/api/v1`; rejects unless it succeeds. */
export type Send = (method: string, path: string, content: unknown) => Promise<{ secret: string }>
/** A service with one environment, `bench/e`, and a client key for it. */
export type Subject = { readonly running: Running; readonly clientKey: string; readonly send: Send }

export const ADMIN_KEY = 'admin-key-for-benchmarks-0123456789'

/** Matches `TARGETED`: the value is true. */
export const CONTEXT = { targetingKey: 'user-4711', email: 'ada@example.com', country: 'DE', version: '2.3.1' }
/** Three conditions: two operators that flagd adds to JSONLogic, and the most common one of JSONLogic. */
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

/** Starts the service on its own core, with the flag `targeted`. The database must be empty. `file` is a different start file. */
export async function startSubject(runtime: Runtime, env: Record<string, string>, file?: string): Promise<Subject> {
  const options = { runtime, prefix: pinned(1), ...(file !== undefined && { file }) }
  const running = await startService({ ...IMAGE_SETTINGS[runtime], FLAGSTAFF_ADMIN_KEY: ADMIN_KEY, ...env }, options)
  const send: Send = async (method, path, content) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' }
    const response = await fetch(`${running.address}/api/v1${path}`, { method, headers, body: JSON.stringify(content) })
    if (!response.ok) throw new Error(`Cannot measure: ${method} ${path} answers ${response.status}`)
    return response.json() as Promise<{ secret: string }>
  }
  await send('POST', '/projects', { key: 'bench' })
  await addEnvironment(send, 'e', { targeted: TARGETED })
  return { running, clientKey: await addKey(send, 'e', 'client'), send }
}

/** Adds the environment `bench/<key>` with these flags. */
export async function addEnvironment(send: Send, key: string, flags: Readonly<Record<string, object>>): Promise<void> {
  await send('POST', '/projects/bench/environments', { key })
  await send('PUT', `/projects/bench/environments/${key}/flagset`, { flags })
}

/** Creates a key for the environment `bench/<environment>`. */
export async function addKey(send: Send, environment: string, role: 'client' | 'server'): Promise<string> {
  const wanted = { name: `${environment}-${role}`, role, environment: { project: 'bench', environment } }
  return (await send('POST', '/keys', wanted)).secret
}

/** Starts a reference server on the same core; returns its port. */
export async function startReference(
  file: string,
  runtime: Runtime,
  args: readonly string[] = [],
): Promise<{ program: Program; port: number }> {
  const program = runProgram(file, IMAGE_SETTINGS[runtime], { runtime, args, prefix: pinned(1) })
  const [, port] = await program.says(/listening on (\d+)/)
  return { program, port: Number(port) }
}
