import { listenOnBun } from './listen-bun.ts'
import { listenOnNode } from './listen-node.ts'
import type { ListenOptions, Server } from './server.ts'

/** Listens with what the runtime does best. Rejects with one clear sentence when the address cannot be had. */
export async function listen(options: ListenOptions): Promise<Server> {
  try {
    return await ('Bun' in globalThis ? listenOnBun(options) : listenOnNode(options))
  } catch (cause) {
    throw new Error(`Cannot start: ${reason(cause, options)}`, { cause })
  }
}

function reason(cause: unknown, { host, port }: ListenOptions): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is in use; set PORT to another`
  if (code === 'EACCES') return `port ${port} on ${host} may not be used by this user; set PORT to one above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `this machine has no address "${host}"; set HOST to one that it has`
  return `cannot listen on port ${port} of ${host}`
}
