import { hash } from 'node:crypto'

/** SHA-256 of a secret. Fast on purpose: our secrets are 260 random bits, which no dictionary holds. */
export const hashSecret = (secret: string): Buffer => Buffer.from(digestOf(secret), 'base64')

/** The same in base64, for each request: in one call, a quarter of the time that Node takes for a hash object. */
export const digestOf = (secret: string): string => hash('sha256', secret, 'base64')
