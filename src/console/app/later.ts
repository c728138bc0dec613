import { read, write } from './preferences.ts'

const RELOADED = 'reloaded'
/** A page that was loaded again for a missing part is not loaded again for the next one in this time. */
const AGAIN_MS = 60_000

/**
 * Loads a part of the application. A deployment may have replaced its file since the page was loaded: then the page is loaded again, if the
 * service answers, and the result never resolves. Fails if that has happened just now.
 */
export async function later<Part>(load: () => Promise<Part>): Promise<Part> {
  try {
    return await load()
  } catch (error) {
    if (Date.now() - Number(read(RELOADED) ?? 0) < AGAIN_MS || !(await isReachable())) throw error
    write(RELOADED, String(Date.now()))
    location.reload()
    return new Promise(() => undefined)
  }
}

const isReachable = () =>
  fetch(location.href, { method: 'HEAD' }).then(
    ({ ok }) => ok,
    () => false,
  )
