import type { Controller } from './controller.ts'

/** `/livez`, `/readyz` and `/metrics` of the operator. */
export function operatorProbes(controller: Pick<Controller, 'isLive' | 'isReady' | 'metrics'>) {
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === '/livez') return probe(controller.isLive, 'The API server has been silent for too long')
    if (pathname === '/readyz') return probe(controller.isReady, 'The resources have not been read')
    const { registry } = controller.metrics
    if (pathname === '/metrics')
      return new Response(await registry.metrics(), { headers: { 'content-type': registry.contentType } })
    return new Response('Not found\n', { status: 404 })
  }
}

const probe = (isFine: boolean, reason: string): Response =>
  isFine ? new Response('ok\n') : new Response(`${reason}\n`, { status: 503 })
