/** What the service answered to a request. */
export type Read = { readonly data: unknown; readonly etag: string | undefined }

/** The responses to requests that were sent before the application was loaded, by URL. */
const responses = new Map<string, { readonly read: Promise<Read>; data?: unknown }>()

/** Keeps the response to a GET for the call that would send it. */
export function keepAhead(url: string, read: Promise<Read>): void {
  const kept: { readonly read: Promise<Read>; data?: unknown } = { read }
  responses.set(url, kept)
  const note = async () => {
    kept.data = (await read).data
  }
  note().catch(() => undefined) // the call gets the error
}

/** The response to a GET that was sent ahead, at most once; undefined if it was not. */
export function takeAhead(url: string): Promise<Read> | undefined {
  const kept = responses.get(url)
  responses.delete(url)
  return kept?.read
}

/** What a response that is not taken contains; undefined if it is not there yet. */
export const dataAhead = (url: string): unknown => responses.get(url)?.data

/** What a response contains, which is then taken; undefined if it is not there yet. */
export function takeDataAhead(url: string): unknown {
  const data = dataAhead(url)
  if (data !== undefined) responses.delete(url)
  return data
}
