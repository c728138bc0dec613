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

function reason(cause: unknown, { host, port: wanted, tls }: ListenOptions): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const port = cause instanceof Error && 'port' in cause ? Number(cause.port) : wanted
  if (code === 'EADDRINUSE')
    return `port ${port} on ${host} is in use; set ${port === wanted ? 'PORT' : 'GRPC_PORT'} to another`
  if (code === 'EACCES') return `port ${port} on ${host} may not be used by this user; set PORT to one above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `this machine has no address "${host}"; set HOST to one that it has`
  if (tls && /^ERR_|^E?OSSL/.test(code))
    return 'the certificate and key of TLS_CERT_FILE and TLS_KEY_FILE cannot be used'
  return `cannot listen on port ${port} of ${host}`
}
