type Exporter<T> = { export(batch: T, done: (result: { code: number; error?: Error }) => void): void }

/** Sends a batch by an exporter of OpenTelemetry's. Rejects when it did not arrive. */
export function exported<T>(exporter: Exporter<T>, batch: T): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  exporter.export(batch, ({ code, error = new Error('The collector gave no reason') }) =>
    code === 0 ? resolve() : reject(error),
  )
  return promise
}
