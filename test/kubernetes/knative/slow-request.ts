import { once } from 'node:events'
import { connect } from 'node:net'

const BODY = JSON.stringify({ context: { targetingKey: 'ada' } })

/** Begins an evaluation of flag `a` whose body comes later, on a connection of its own. */
export async function beginSlowly(address: string, key: string) {
  const { hostname, port, host } = new URL(address)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const ended = once(socket, 'close')
  const head = [
    'POST /ofrep/v1/evaluate/flags/a HTTP/1.1',
    ...[`Host: ${host}`, `Authorization: Bearer ${key}`, 'Content-Type: application/json'],
    ...[`Content-Length: ${BODY.length}`, 'Connection: close'],
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${BODY.slice(0, 5)}`)
  return {
    /** Sends the rest and resolves with the answer. */
    async finish(): Promise<{ status: number; body: string }> {
      socket.write(BODY.slice(5))
      await ended
      const [, status = '0'] = /^HTTP\/1\.1 (\d+)/.exec(text) ?? []
      return { status: Number(status), body: /\{.*\}/s.exec(text)?.[0] ?? text }
    },
  }
}
