import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { corsOptions } from '../middleware/cors.ts'
import { isCall } from './paths.ts'

/** The RPC services over Connect and gRPC-Web, which fit into `Request` and `Response`. */
export type RpcServices = {
  /** Full names of the services. */
  readonly services: readonly string[]
  /** Undefined for an unknown method. */
  readonly fetch: (request: Request, path: string) => Promise<Response | undefined>
}

/** True for requests of these services, which trace themselves. */
export function rpcPaths(rpc: RpcServices | undefined): (c: Context) => boolean {
  const services = new Set(rpc?.services)
  return ({ req }) => isCall(req.path, services)
}

/** Connect and gRPC-Web at `/<package>.<service>/<method>`. */
export function rpcRoutes({ services, fetch }: RpcServices, corsOrigins: readonly string[] | undefined): Hono {
  const routes = new Hono()
  for (const service of services)
    routes
      .use(`/${service}/*`, cors(corsOptions(corsOrigins)))
      .all(`/${service}/:method`, async (c) => (await fetch(c.req.raw, c.req.path)) ?? c.notFound())
  return routes
}
