/** Most kilobytes, of 1,000 bytes and compressed by gzip, that a page of the console loads: its scripts by page, and its styles. */
export const BUDGETS_KB = { list: 90, flag: 150, segment: 150, other: 90, editor: 130, styles: 15 } as const
