import { useEffect, useState } from 'preact/hooks'
import { Button } from './button.tsx'

/** The state of a query of pages. */
type Pages = {
  readonly data: { readonly pages: readonly unknown[] } | undefined
  readonly hasNextPage: boolean
  readonly isFetching: boolean
  readonly isFetchNextPageError: boolean
  readonly fetchNextPage: () => unknown
}

/**
 * The button that reads the next page of a list. A refresh of the list cancels the reading of a page: that is then read again, because the
 * press is kept until the page is there or cannot be read.
 */
export function LoadMore({ data, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage }: Pages) {
  const read = data?.pages.length ?? 0
  const [wanted, setWanted] = useState(0)
  const isWaiting = read < wanted && hasNextPage
  useEffect(() => {
    if (isWaiting && isFetchNextPageError) setWanted(read)
    else if (isWaiting && !isFetching) fetchNextPage()
  }, [isWaiting, isFetching, isFetchNextPageError])
  if (!hasNextPage) return null
  return (
    <Button disabled={isWaiting} onClick={() => setWanted(read + 1)}>
      Load more
    </Button>
  )
}
