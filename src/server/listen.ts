import type { ListenOptions, Server } from './server.ts'

/** Listens with the runtime's own server. Rejects with one clear sentence when the address cannot be used. */
export async function listen(options: ListenOptions): Promise<Server> {
  try {
    if ('Bun' in globalThis) return await (await import('./listen-bun.ts')).listenOnBun(options)
    return await (await import('./listen-node.ts')).listenOnNode(options)
  } catch (cause) {
    throw new Error(`Cannot start: ${reason(cause, options)}`, { cause })
  }
}

function reason(cause: unknown, { host, port: wanted, tls, variable = 'PORT' }: ListenOptions): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const port = cause instanceof Error && 'port' in cause ? Number(cause.port) : wanted
  if (code === 'EADDRINUSE')
    return `port ${port} on ${host} is in use; set ${port === wanted ? variable : 'GRPC_PORT'} to another`
  if (code === 'EACCES')
    return `port ${port} on ${host} may not be used by this user; set ${variable} to one above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `this machine has no address "${host}"; set HOST to one that it has`
  if (tls && /^ERR_|^E?OSSL/.test(code))
    return 'the certificate and key of TLS_CERT_FILE and TLS_KEY_FILE cannot be used'
  return `cannot listen on port ${port} of ${host}`
}
