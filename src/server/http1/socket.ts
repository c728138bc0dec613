/** One client's connection, whichever runtime holds it. */
export type Socket = {
  /** False once nothing more can be sent. */
  readonly isOpen: boolean
  /** True while the client takes no more. */
  readonly isFull: boolean
  /** Sends bytes, or a text as UTF-8, as soon as the client takes them. */
  write(what: string | Buffer): void
  /** Resolves when the client has taken all, or is gone. */
  emptied(): Promise<void>
  /** Ends our half, after all that was written. */
  end(): void
  /** Ends both at once. */
  cut(): void
  /** Lets the client wait: what it sends stays with the kernel. */
  pause(): void
  resume(): void
}

/** Who hears what a client sends. */
export type Listener = {
  onBytes(bytes: Buffer): void
  /** The client sends no more. */
  onEnd(): void
  /** The client is gone. */
  onClose(): void
}
