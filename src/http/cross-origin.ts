/** What a page of another origin may read of an answer, beside what every page may. */
export const RESPONSE_HEADERS = ['ETag', 'Retry-After', 'Last-Modified']

/** What `crossOrigin` adds to an answer to a page of `origin`, for answers that do not pass through it. */
export function originHeaders(
  origins: readonly string[] | undefined,
): (origin: string | null | undefined) => Readonly<Record<string, string>> {
  const exposed = { 'access-control-expose-headers': RESPONSE_HEADERS.join(',') }
  if (origins === undefined) return () => ({ 'access-control-allow-origin': '*', ...exposed })
  return (origin) =>
    origin && origins.includes(origin)
      ? { vary: 'Origin', 'access-control-allow-origin': origin, ...exposed }
      : { vary: 'Origin' }
}
