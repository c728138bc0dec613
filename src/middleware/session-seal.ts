import { hkdfSync } from 'node:crypto'
import { EncryptJWT, errors, jwtDecrypt } from 'jose'

/** A session of the console. */
export type Session = {
  /** SHA-256 of the key that signed in, in base64. */
  readonly keyDigest: string
  /** Unix seconds of the sign-in. */
  readonly startedAt: number
  /** Unix seconds since when it has been sealed like this. */
  readonly sealedAt: number
}

const ENCRYPTION = { alg: 'dir', enc: 'A256GCM' } as const
const KEY_BYTES = 32
const PURPOSE = 'flagstaff console session v1'

/** Seals sessions with a key derived from `secret` (JWE, RFC 7516). */
export class SessionSeal {
  readonly #key: Uint8Array

  constructor(secret: Uint8Array) {
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', PURPOSE, KEY_BYTES))
  }

  seal({ keyDigest, startedAt, sealedAt }: Session, expiresAt: number): Promise<string> {
    return new EncryptJWT({ sub: keyDigest, auth_time: startedAt })
      .setProtectedHeader(ENCRYPTION)
      .setIssuedAt(sealedAt)
      .setExpirationTime(expiresAt)
      .encrypt(this.#key)
  }

  /** Undefined for a session that has expired, and for any other text. */
  async open(sealed: string, now: number): Promise<Session | undefined> {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#key, {
        keyManagementAlgorithms: [ENCRYPTION.alg],
        contentEncryptionAlgorithms: [ENCRYPTION.enc],
        requiredClaims: ['sub', 'auth_time', 'iat', 'exp'],
        currentDate: new Date(now * 1_000),
      })
      return { keyDigest: String(payload.sub), startedAt: Number(payload['auth_time']), sealedAt: Number(payload.iat) }
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined
      throw error
    }
  }
}
