// A server with only our listener and our shutdown, for tests that send signals to a separate process.
import { shutDown } from '../../src/server/graceful-shutdown.ts'
import { listen } from '../../src/server/listen.ts'
import { stopped } from '../../src/server/signals.ts'
import { createLog } from '../../src/telemetry/log.ts'

const log = createLog({ level: 'info', write: (line) => console.log(line), now: () => new Date() })
const deadlineMs = Number(process.env['DEADLINE_MS'] ?? 8_000)
const open = Promise.withResolvers<void>()

const server = await listen({
  host: '127.0.0.1',
  port: 0,
  bodyBytesMax: 1_000_000,
  takeStream: () => false,
  fetch: async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/slow') {
      log.info('Holding a request')
      await open.promise
    }
    const body = `${pathname} ${(await request.text()).length}`
    return new Response(pathname === '/large' ? body.padEnd(100_000) : body)
  },
})
log.info('Listening', { port: server.port, grpcPort: server.grpcPort })
log.info('Stopping', { signal: await stopped })
// Ends slow requests only after the shutdown has started, so that it has to wait for them.
if (process.env['SLOW'] !== 'forever') setTimeout(open.resolve, 300)
const code = await shutDown(
  [
    { name: 'finish open requests', run: (late) => server.close(late) },
    { name: 'close the database', run: () => log.info('The step after the server ran') },
  ],
  deadlineMs,
  log,
)
process.exit(code)
