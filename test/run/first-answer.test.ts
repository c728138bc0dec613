import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstAnswer } from '../../src/run/first-answer.ts'

const ANSWER = new Response('yes')
const REQUEST = new Request('http://localhost/', { method: 'POST' })
const PROBE = new Request('http://localhost/readyz')

test('firstAnswer() waits for the answer to the request that is there', async () => {
  const answer = Promise.withResolvers<Response>()
  const { fetch, wait } = firstAnswer(() => answer.promise)
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
  await firstAnswer(() => ANSWER).wait()
  const { fetch, wait } = firstAnswer(() => new Promise(() => undefined))
  void fetch(REQUEST)
  await wait()
})

test('firstAnswer() takes a failure for an answer, and hands on what comes after', async () => {
  const answers = [Promise.reject(new Error('broken')), ANSWER]
  const { fetch, wait } = firstAnswer(() => answers.shift() ?? ANSWER)
  await assert.rejects(async () => fetch(REQUEST), /broken/)
  await wait()
  assert.equal(await fetch(REQUEST), ANSWER)
})

test('firstAnswer() does not take a probe for the request that is there', async () => {
  const answer = Promise.withResolvers<Response>()
  const { fetch, wait } = firstAnswer(({ method }) => (method === 'GET' ? ANSWER : answer.promise))
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
