/** Where a connection goes. */
export type Place = { readonly host: string; readonly port: number }
/** What is heard of a connection, and never before its maker has it. */
export type Ears = {
  readonly onOpen: () => void
  readonly onBytes: (bytes: Buffer) => void
  /** It is over, or could not be had. May be called more than once. */
  readonly onEnd: (error: Error) => void
}
/** A connection. */
export type Wire = {
  /** Sends at once or, where the other end is slow, in its turn. */
  readonly write: (text: string) => void
  readonly close: () => void
}

/** After how long a silence the system asks whether the other end is there. */
export const KEEP_ALIVE_MS = 5_000
/** Why a connection ends that the other end closed. */
export const ended = (): Error => new Error('The connection to Redis ended')
