import type { AddressInfo } from 'node:net'

export type MetricsListenOptions = {
  readonly fetch: (request: Request) => Response | Promise<Response>
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}
export type MetricsServer = {
  /** The port in use. */
  readonly port: number
  /** Stops accepting and cuts what is open. */
  close(): Promise<void>
}

/** A scrape is small; a client that sends more than this is none. */
const BODY_BYTES_MAX = 1_024
const IDLE_SECONDS = 60

/** Serves metrics on a port of their own, in cleartext, so that the public port need not know the path. */
export async function listenForMetrics(options: MetricsListenOptions): Promise<MetricsServer> {
  try {
    return await ('Bun' in globalThis ? onBun(options) : onNode(options))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${code})`
    throw new Error(`Cannot start: port ${options.port} on ${options.host} ${reason}; set METRICS_PORT to another`, {
      cause,
    })
  }
}

type BunServer = { readonly port: number; stop(closeActive: boolean): Promise<void> }
declare const Bun: {
  serve(
    options: MetricsListenOptions & { hostname: string; maxRequestBodySize: number; idleTimeout: number },
  ): BunServer
}

function onBun(options: MetricsListenOptions): MetricsServer {
  const server = Bun.serve({
    ...options,
    hostname: options.host,
    maxRequestBodySize: BODY_BYTES_MAX,
    idleTimeout: IDLE_SECONDS,
  })
  return { port: server.port, close: () => server.stop(true) }
}

async function onNode({ fetch, host, port }: MetricsListenOptions): Promise<MetricsServer> {
  const { webListener } = await import('./web-node.ts')
  const { createServer } = process.getBuiltinModule('node:http')
  const server = createServer(webListener(fetch))
  server.listen(port, host)
  await process.getBuiltinModule('node:events').once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
