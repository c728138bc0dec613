import { Hono } from 'hono'
import type { Metrics } from './families.ts'

/**
 * `GET /metrics`. Without a key, like the probes: it names environments and no flags, and is not for the public. What prints is loaded
 * with the first question, because it takes longer to load than the rest of the service takes to start.
 */
export function metrics(asked: Metrics): Hono {
  return new Hono().get('/metrics', async (c) => {
    const { processFamilies } = await import('./process-families.ts')
    const ofProcess = await processFamilies() // before the rest is loaded, which would be taken for a lag of the event loop
    const [{ families }, { print }] = await Promise.all([import('./families.ts'), import('./exposition.ts')])
    return print(c, [...families(asked), ...ofProcess])
  })
}
