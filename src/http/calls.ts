import { madeForOrigins } from './cross-origin.ts'
import type { Asked, Send } from './exchange.ts'
import type { Observe } from './observe.ts'
import type { RpcDoor } from './rpc.ts'
import { ANSWERED_BY, pathOf } from './trace.ts'

export type CallDoors = {
  readonly rpc: RpcDoor
  readonly observe: Observe
  readonly corsOrigins: readonly string[] | undefined
}

/** Answers calls over RPC that are evaluations of one flag, as their doors allow; undefined: it is for the app. */
export function calls({ rpc, observe, corsOrigins }: CallDoors) {
  const headFor = madeForOrigins(corsOrigins, (origin) => ({ 'content-type': 'application/json', ...origin }))
  return <To, Sent>(send: Send<To, Sent>) =>
    (asked: Asked, to: To): Promise<Sent> | undefined => {
      const path = pathOf(asked.url)
      const answer = rpc.answer(path, asked)
      return answer?.then(({ status, body, span }) => {
        const own = span && { [ANSWERED_BY]: span.traceparent }
        const seen = observe(routeOf(path), asked)
        return send(seen.done({ status, head: headFor(asked.headers), own, body }), to)
      })
    }
}

const routes = new Map<string, string>()

/** The pattern of the route at which the app has a method; of methods alone that there are. */
function routeOf(path: string): string {
  const known = routes.get(path)
  if (known !== undefined) return known
  const route = `${path.slice(0, path.lastIndexOf('/'))}/:method`
  routes.set(path, route)
  return route
}
