import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hono } from 'hono'
import { routePath } from 'hono/route'
import { WakingRouter } from '../../src/routes/router.ts'

/** More than go through the first of its routers. */
const TIMES = 150
const PATHS = [
  '/',
  '/flags',
  '/flags/',
  '/flags/a',
  '/flags/a%2Fb',
  '/flags/a/history',
  '/flagsome',
  '/other/x/y',
  '/nope',
]

test('WakingRouter answers the first requests and those after them alike, and as Hono does by itself', async () => {
  const [ours, theirs] = [new Hono({ router: new WakingRouter() }), new Hono()].map(fill)
  for (let turn = 0; turn < TIMES; turn++)
    for (const path of PATHS)
      for (const method of ['GET', 'POST']) {
        const [answer, expected] = await Promise.all([ours, theirs].map((app) => app?.request(path, { method })))
        const what = `${method} ${path}`
        assert.equal(await answer?.text(), await expected?.text(), what)
        assert.equal(answer?.headers.get('route'), expected?.headers.get('route'), what)
      }
})

function fill(app: Hono): Hono {
  return app
    .use(async (c, next) => {
      await next()
      c.header('route', routePath(c, -1))
    })
    .get('/', (c) => c.text('root'))
    .use('/flags/*', (_, next) => next())
    .get('/flags/:key', (c) => c.text(`flag ${c.req.param('key')}`))
    .post('/flags', (c) => c.text('made'))
    .get('/flags/:key/history', (c) => c.text(`history of ${c.req.param('key')}`))
    .all('/other/*', (c) => c.text('other'))
}
