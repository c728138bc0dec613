import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'

export type Refusal = {
  /** Of `METHOD /path?query`. */
  readonly pattern: RegExp
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly times: number
}
export type RefusingProxy = {
  readonly url: string
  /** When each request came that matches, in milliseconds of `performance.now()`. */
  timesOf(pattern: RegExp): number[]
  close(): Promise<void>
}

/** An HTTP proxy in front of a real server, which refuses the first requests that match. */
export async function startRefusingProxy(target: string, refusals: readonly Refusal[], caFile?: string) {
  const seen: { readonly line: string; readonly at: number }[] = []
  const left = new Map(refusals.map((refusal) => [refusal, refusal.times]))
  const ca = caFile === undefined ? undefined : readFileSync(caFile)
  const proxy = http.createServer((request, response) => {
    const line = `${request.method} ${request.url}`
    seen.push({ line, at: performance.now() })
    const refusal = refusals.find((one) => one.pattern.test(line) && (left.get(one) ?? 0) > 0)
    if (refusal) {
      left.set(refusal, (left.get(refusal) ?? 0) - 1)
      request.resume()
      response.writeHead(refusal.status, refusal.headers).end(JSON.stringify({ message: 'Too many requests' }))
      return
    }
    const { request: send } = target.startsWith('https') ? https : http
    const { method, headers } = request
    const outgoing = send(new URL(request.url ?? '', target), { agent: false, method, headers, ca }, (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers)
      response.flushHeaders()
      incoming.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.once('close', () => outgoing.destroy())
    request.pipe(outgoing)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    timesOf: (pattern) => seen.filter(({ line }) => pattern.test(line)).map(({ at }) => at),
    async close() {
      proxy.close()
      proxy.closeAllConnections()
      await once(proxy, 'close')
    },
  } satisfies RefusingProxy
}
