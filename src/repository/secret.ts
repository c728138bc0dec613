import { sha256 } from './digest.ts'

/** SHA-256 of a secret. Fast on purpose: our secrets are 260 random bits, which no dictionary holds. */
export const hashSecret = (secret: string): Buffer => Buffer.from(digestOf(secret), 'base64')

/** The same in base64. */
export const digestOf = (secret: string): string => sha256(secret, 'base64')
