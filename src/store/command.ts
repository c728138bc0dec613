/** Runs a command in Redis; rejects when Redis refuses it, or does not answer in time. */
export type Send = (command: readonly string[]) => Promise<unknown>
