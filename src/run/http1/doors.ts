import type { Times } from '../limits.ts'
import type { Asked, Evaluate, Fetch, Refuse, Reply } from '../server.ts'

/** Where the answer of an evaluation is sent. */
export type Answers = { answer(reply: Reply): void }

/** Lets somebody else have a connection, from these bytes on. */
export type HandOver = { readonly handOver: (bytes: Buffer | undefined) => void }

/** Who answers requests. */
export type Doors = {
  readonly refuse: Refuse
  readonly evaluate: Evaluate<Answers, void>
  /** Those who get what is no evaluation: its web request, or its connection. */
  readonly others: { readonly fetch: Fetch } | HandOver
  readonly scheme: 'http' | 'https'
  /** Of any request. */
  readonly bodyBytesMax: number
  readonly times: Times
}

type Unread = { readonly url: string; readonly headers: { get(name: string): string | null } }

export const unreadOf = ({ url, headers }: Unread): Asked => ({ url, header: (name) => headers.get(name) })
