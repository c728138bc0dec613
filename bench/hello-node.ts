// The smallest HTTP server on Node, which bench/coldstart.ts compares the service with.
import { createServer } from 'node:http'

const headers = { 'content-type': 'application/json' }
const server = createServer((_, response) => response.writeHead(200, headers).end('{"value":true}'))

server.listen(Number(process.env['PORT']), '127.0.0.1')
process.once('SIGTERM', () => process.exit()) // an orderly exit stores the compile cache
