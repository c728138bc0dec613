import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { corsOptions } from '../middleware/cors.ts'
import { isCall } from './paths.ts'

/** The RPC services, as far as they fit into requests and responses. */
export type RpcDoor = {
  /** Full names of the services. */
  readonly services: readonly string[]
  /** Undefined: there is no such method. */
  readonly fetch: (request: Request, path: string) => Promise<Response | undefined>
}

/** Tells the requests of these services, which trace themselves. */
export function rpcPaths(door: RpcDoor | undefined): (c: Context) => boolean {
  const services = new Set(door?.services)
  return ({ req }) => isCall(req.path, services)
}

/** Connect and gRPC-Web at `/<package>.<service>/<method>`. */
export function rpcRoutes({ services, fetch }: RpcDoor, corsOrigins: readonly string[] | undefined): Hono {
  const routes = new Hono()
  for (const service of services)
    routes
      .use(`/${service}/*`, cors(corsOptions(corsOrigins)))
      .all(`/${service}/:method`, async (c) => (await fetch(c.req.raw, c.req.path)) ?? c.notFound())
  return routes
}
