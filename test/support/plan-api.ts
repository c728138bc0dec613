import assert from 'node:assert/strict'
import type { Listening } from './listening.ts'
import { ADMIN_KEY } from './service.ts'

export type PlanCall = (
  method: string,
  target: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<{ status: number; body: any; etag: string }>

/** Calls the management API below an environment over a socket; a target that begins with /api is absolute. */
export const callOf =
  (it: Listening, path: string): PlanCall =>
  async (method, target, body, headers = {}) => {
    const response = await fetch(`${it.address}${target.startsWith('/api/') ? '' : path}${target}`, {
      method,
      headers: {
        'x-api-key': ADMIN_KEY,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const answer: any = await response.json().catch(() => undefined)
    return { status: response.status, body: answer, etag: response.headers.get('etag') ?? '' }
  }

/** The pointers of a problem; the test fails for any other status. */
export function pointersOf(answer: { status: number; body: any }, status = 400): string[] {
  assert.equal(answer.status, status, JSON.stringify(answer.body))
  return (answer.body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer)
}

export const seconds = () => Math.floor(Date.now() / 1_000)
