import type { Context } from 'hono'
import type { Family } from '../telemetry/family.ts'
import type { Metrics } from './families.ts'

/**
 * `GET /metrics`. Without a key, like the probes: it names environments and no flags, and is not for the public. What prints is loaded
 * with the first question, because it takes longer to load than the rest of the service takes to start.
 */
export function metrics(asked: Metrics): (c: Context) => Promise<Response> {
  return async (c) => {
    const families = await allFamilies(asked)
    const { print } = await import('./exposition.ts')
    return print(c, families)
  }
}

/** Every metric as it is now. */
export async function allFamilies(asked: Metrics): Promise<Family[]> {
  const { processFamilies } = await import('./process-families.ts')
  const ofProcess = await processFamilies() // before the rest is loaded, which would be taken for a lag of the event loop
  const { families } = await import('./families.ts')
  return [...families(asked), ...ofProcess]
}
