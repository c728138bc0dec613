import { stopSignal } from './graceful-shutdown.ts'

/**
 * The name of the first stop signal, once it came; a second one exits at once. The one module that does something when it is imported:
 * as process 1 a signal without a listener is lost, and what starts the service listens before it loads the rest.
 */
export const stopped: Promise<NodeJS.Signals> = stopSignal()
