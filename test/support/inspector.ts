/** Call counts of one script's functions: the members of the protocol's `Profiler.takePreciseCoverage` that we use. */
export type ScriptCoverage = {
  readonly url: string
  readonly functions: readonly {
    readonly functionName: string
    readonly ranges: readonly { readonly count: number }[]
  }[]
}

/** A connection to the inspector of a Node process: https://chromedevtools.github.io/devtools-protocol/v8/Profiler/ */
export class Inspector {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, (result: unknown) => void>()
  #sent = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id, result } = JSON.parse(String(data))
      this.#waiting.get(id)?.(result)
      this.#waiting.delete(id)
    })
  }

  /** Connects to the address that the process prints after "Debugger listening on". */
  static async connect(address: string): Promise<Inspector> {
    const socket = new WebSocket(address)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true })
      socket.addEventListener('error', reject, { once: true })
    })
    return new Inspector(socket)
  }

  /** Starts to count the calls of each function. */
  async startCounting(): Promise<void> {
    await this.#send('Profiler.enable')
    await this.#send('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  }

  /** The calls since the start or the last call of this method. */
  async counted(): Promise<readonly ScriptCoverage[]> {
    const { result } = (await this.#send('Profiler.takePreciseCoverage')) as { result: readonly ScriptCoverage[] }
    return result
  }

  close(): void {
    this.#socket.close()
  }

  #send(method: string, params: object = {}): Promise<unknown> {
    this.#sent += 1
    const id = this.#sent
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#socket.send(JSON.stringify({ id, method, params }))
    })
  }
}
