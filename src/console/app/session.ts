import { signal } from '@preact/signals'

/** True from the first answer 401 until the next sign-in: then the sign-in page stands in place of all others. */
export const isSignedOut = signal(false)
