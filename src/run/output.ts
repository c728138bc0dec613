const STDOUT = 1
/** node:fs is loaded with the first line, which on Bun comes after the first answer. */
const writeNow = (bytes: Uint8Array): number => process.getBuiltinModule('node:fs').writeSync(STDOUT, bytes)
const waitingOutput = (): NodeJS.WritableStream => process.stdout

/**
 * Writes to stdout, at once, as both runtimes do for pipes and files, but without `process.stdout`, whose making takes Bun longer than to
 * listen. Only a reader that is slow, on a pipe that does not block, makes what follows go that way, and wait there. Whoever reads may
 * leave, as "| head" does: then what is written is lost, and the service goes on.
 */
export function openOutput(now = writeNow, later = waitingOutput): (text: string) => void {
  let waiting: NodeJS.WritableStream | undefined
  return (text) => {
    if (waiting) return void waiting.write(text)
    let rest = Buffer.from(text)
    try {
      while (rest.byteLength > 0) rest = rest.subarray(now(rest))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
      waiting = later().on('error', () => undefined)
      waiting.write(rest)
    }
  }
}
