import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText } from '../../src/middleware/body-limit.ts'

for (const headers of [{}, { 'content-length': '10' }])
  test(`readText() refuses a body that ends early as a mistake of the client ${JSON.stringify(headers)}`, async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"a"')),
      pull: (controller) => controller.error(new Error('aborted')),
    })
    const request = new Request('http://localhost/', { method: 'POST', body, headers, duplex: 'half' })
    await assert.rejects(readText(request, 1_000), { code: 'invalid', message: 'Cannot read the body' })
  })
