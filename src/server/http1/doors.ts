import type { Times } from '../limits.ts'
import type { Asked, Evaluate, Fetch, Refuse, Reply } from '../server.ts'
import { SpeaksHttp2 } from './head.ts'

/** Where the answer of an evaluation is sent. */
export type Answers = { answer(reply: Reply): void }

/** Lets somebody else have a connection, from these bytes on. */
export type HandOver = { readonly handOver: (bytes: Buffer | undefined) => void }

/** Those who get what is no evaluation: its connection; or its web request, and the connection where it speaks HTTP/2. */
export type Others = HandOver | { readonly fetch: Fetch; readonly http2: HandOver | undefined }

/** Who gets a connection with which this went wrong; undefined: nobody. */
export function heirOf(others: Others, error: unknown): HandOver | undefined {
  if ('handOver' in others) return others
  return error instanceof SpeaksHttp2 ? others.http2 : undefined
}

/** Who answers requests. */
export type Doors = {
  readonly refuse: Refuse
  readonly evaluate: Evaluate<Answers, void>
  readonly others: Others
  readonly scheme: 'http' | 'https'
  /** Of any request. */
  readonly bodyBytesMax: number
  readonly times: Times
}

type Unread = { readonly url: string; readonly headers: { get(name: string): string | null } }

export const unreadOf = ({ url, headers }: Unread): Asked => ({ url, header: (name) => headers.get(name) })
