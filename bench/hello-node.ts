// The least that answers over HTTP on Node, which bench/coldstart.ts starts beside the service.
import { createServer } from 'node:http'

const headers = { 'content-type': 'application/json' }
const server = createServer((_, response) => response.writeHead(200, headers).end('{"value":true}'))

server.listen(Number(process.env['PORT']), '127.0.0.1')
process.once('SIGTERM', () => process.exit()) // which stores the compiled code, as being killed does not
