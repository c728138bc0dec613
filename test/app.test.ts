import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Context, Hono } from 'hono'
import { lazy } from '../src/app.ts'
import { handleError, notFound } from '../src/middleware/problem.ts'

test('lazy() loads with the first request, once', async () => {
  let loads = 0
  const load = async () => {
    loads += 1
    return (c: Context) => c.text(c.req.path)
  }
  const app = new Hono().get('/early', (c) => c.text('early')).all('/late/*', lazy(load))
  await app.request('/early')
  assert.equal(loads, 0)
  const answers = await Promise.all(['a', 'b'].map((name) => app.request(`/late/${name}`)))
  assert.deepEqual(await Promise.all(answers.map((answer) => answer.text())), ['/late/a', '/late/b'])
  assert.equal((await app.request('/late/c', { method: 'HEAD' })).status, 200)
  assert.equal(loads, 1)
})

test('lazy() answers 500 and has it logged when loading fails; the rest is served', async () => {
  const logged: unknown[] = []
  const app = new Hono()
    .onError(handleError((message, fields) => void logged.push([message, fields?.['error']])))
    .notFound(notFound)
    .all(
      '/late/*',
      lazy(() => Promise.reject(new Error('no such module'))),
    )
    .get('/early', (c) => c.text('early'))
  for (let times = 0; times < 2; times++) {
    const answer = await app.request('/late/a')
    assert.equal(answer.status, 500)
    assert.match(await answer.text(), /"detail":"Internal error"/)
  }
  assert.deepEqual(logged, Array(2).fill(['Unexpected error', new Error('no such module')]))
  assert.equal((await app.request('/early')).status, 200)
})
