/** What hears what happens on a socket; null: the client has ended its half. */
export type Ears = { onBytes(bytes: Buffer | null): void; onDrain(): void; onEnd(error?: Error): void }

/** The part of a TCP socket of Bun's that we use (https://bun.com/docs/runtime/networking/tcp). */
export type BunSocket = {
  /** Ours. */
  data: Ears | undefined
  /** How many bytes were taken, fewer than given until `drain`; less than 0: it is closed. */
  write(bytes: Uint8Array): number
  /** Ends our half. */
  shutdown(): void
  /** Ends both. */
  end(): void
  pause(): void
  resume(): void
  setNoDelay(isOn: boolean): void
}
