import { getRequestListener } from '@hono/node-server'
import type { Fetch } from './server.ts'

/** What is called with a request and an answer of node:http, or of node:http2. */
export type Listener = ReturnType<typeof getRequestListener>

/** Answers with `fetch`, on web objects. */
export const webListener = (fetch: Fetch): Listener =>
  getRequestListener(fetch, { overrideGlobalObjects: false, hostname: 'localhost' })
