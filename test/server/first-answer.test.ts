import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstAnswer } from '../../src/server/first-answer.ts'
import type { Evaluate, Evaluated, Send } from '../../src/server/server.ts'

const ASKED: Evaluated = {
  at: 0,
  method: 'POST',
  url: 'http://localhost/',
  headers: new Headers(),
  read: () => '',
}
const REPLY = { status: 200, head: {} }
const evaluating = () => () => undefined
const ANSWER = new Response('yes')
const REQUEST = new Request('http://localhost/', { method: 'POST' })
const PROBE = new Request('http://localhost/readyz')

test('firstAnswer() waits for the answer to the request that is there', async () => {
  const answer = Promise.withResolvers<Response>()
  const { fetch, wait } = firstAnswer({ fetch: () => answer.promise, evaluating })
  assert.equal(fetch(PROBE), answer.promise)
  const given = fetch(REQUEST)
  const order: string[] = []
  const waited = wait().then(() => order.push('waited'))
  answer.promise.then(() => order.push('answered'))
  setTimeout(() => answer.resolve(ANSWER), 50) // longer than a request is awaited
  assert.equal(await given, ANSWER)
  await waited
  assert.deepEqual(order, ['answered', 'waited'])
})

test('firstAnswer() waits no longer when none comes, or one is not answered', async () => {
  await firstAnswer({ fetch: () => ANSWER, evaluating }).wait()
  const { fetch, wait } = firstAnswer({ fetch: () => new Promise(() => undefined), evaluating })
  void fetch(REQUEST)
  await wait()
})

test('firstAnswer() takes a failure for an answer, and hands on what comes after', async () => {
  const answers = [Promise.reject(new Error('broken')), ANSWER]
  const { fetch, wait } = firstAnswer({ fetch: () => answers.shift() ?? ANSWER, evaluating })
  await assert.rejects(async () => fetch(REQUEST), /broken/)
  await wait()
  assert.equal(await fetch(REQUEST), ANSWER)
})

test('firstAnswer() does not take a probe for the request that is there', async () => {
  const answer = Promise.withResolvers<Response>()
  const { fetch, wait } = firstAnswer({
    fetch: ({ method }) => (method === 'GET' ? ANSWER : answer.promise),
    evaluating,
  })
  let hasWaited = false
  const waited = wait().then(() => {
    hasWaited = true
  })
  await fetch(PROBE)
  const given = fetch(REQUEST)
  await new Promise((resolve) => setTimeout(resolve, 50)) // longer than a request is awaited
  assert.equal(hasWaited, false)
  answer.resolve(ANSWER)
  await given
  await waited
})

test('firstAnswer() waits for an evaluation, and hands on what it leaves to fetch', async () => {
  const answer = Promise.withResolvers<string>()
  const { evaluating: watched, wait } = firstAnswer({
    fetch: () => ANSWER,
    evaluating:
      <To, Sent>(send: Send<To, Sent>): Evaluate<To, Sent> =>
      ({ method }, to) =>
        method === 'PUT' ? undefined : answer.promise.then((body) => send({ ...REPLY, body }, to)),
  })
  const evaluate = watched<string, string>(({ body }, to) => `${body} to ${to}`)
  assert.equal(evaluate({ ...ASKED, method: 'PUT' }, 'nobody'), undefined)
  const sent = evaluate(ASKED, 'you')
  const order: string[] = []
  const waited = wait().then(() => order.push('waited'))
  void sent?.then(() => order.push('answered'))
  setTimeout(() => answer.resolve('yes'), 50)
  assert.equal(await sent, 'yes to you')
  await waited
  assert.deepEqual(order, ['answered', 'waited'])
})
