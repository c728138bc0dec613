const STDOUT = 1
const writeNow = (bytes: Uint8Array): number => process.getBuiltinModule('node:fs').writeSync(STDOUT, bytes)
const waitingOutput = (): NodeJS.WritableStream => process.stdout

/** Writes lines to stdout at once. Whoever reads may leave, as "| head" does: then what is written is lost, and the service goes on. */
export const openOutput = (): ((line: string) => void) => ('Bun' in globalThis ? writeOnBun : outputOnNode())

/** Bun's console writes by itself what it is given, waits for a slow reader, and needs no node:fs, which is half a MB, nor `process.stdout`, which is 10 ms. */
// biome-ignore lint/suspicious/noConsole: this is where the service says what it says
const writeOnBun = (line: string): void => console.log(line)

/**
 * Writes at once, as Node does for pipes and files, but without `process.stdout`. Only a reader that is slow, on a pipe that does not block,
 * makes what follows go that way, and wait there.
 */
export function outputOnNode(now = writeNow, later = waitingOutput): (line: string) => void {
  let waiting: NodeJS.WritableStream | undefined
  return (line) => {
    if (waiting) return void waiting.write(`${line}\n`)
    let rest = Buffer.from(`${line}\n`)
    try {
      while (rest.byteLength > 0) rest = rest.subarray(now(rest))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
      waiting = later().on('error', () => undefined)
      waiting.write(rest)
    }
  }
}
