/** One block of an event stream: its fields by name; a comment has the name "". */
export type Block = Readonly<Record<string, string>>

export type Events = {
  /** The next block that has `field`; undefined if the stream has ended. Rejects if it breaks or after `EVENT_MS`. */
  next(field: string): Promise<Block | undefined>
  /** Closes the connection. */
  cancel(): Promise<void>
}

const EVENT_MS = 20_000

/** Reads an event stream as it arrives (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */
export function readEvents(body: ReadableStream<Uint8Array> | null): Events {
  if (!body) throw new Error('There is no body to read events from')
  const reader = body.getReader()
  const blocks = blocksOf(reader)
  return {
    async next(field) {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(() => late.reject(new Error(`No "${field}" came in ${EVENT_MS} ms`)), EVENT_MS)
      try {
        for (;;) {
          const { done, value } = await Promise.race([blocks.next(), late.promise])
          if (done || field in value) return done ? undefined : value
        }
      } finally {
        clearTimeout(timer)
      }
    },
    cancel: () => reader.cancel(),
  }
}

async function* blocksOf(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<Block, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return undefined
    text += decoder.decode(value, { stream: true })
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts)
      yield Object.fromEntries(part.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line)?.slice(1) ?? [line, '']))
  }
}
