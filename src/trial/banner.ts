import { resolve } from 'node:path'
import { TRIAL_FLAG_SET_ID } from '../config/config.ts'
import type { Server } from '../server/server.ts'

type BannerOptions = { readonly folder: string; readonly hasConsole: boolean }

/** The text that trial mode prints: the console, sample requests and the data folder. */
export function banner(
  { port, grpcPort }: Pick<Server, 'port' | 'grpcPort'>,
  { folder, hasConsole }: BannerOptions,
): string {
  const address = `http://127.0.0.1:${port}`
  return `
  Flagstaff is listening on ${address}
${hasConsole ? `\n  See and change flags in the console: ${address}/console/\n` : ''}
  Evaluate a flag of the environment ${TRIAL_FLAG_SET_ID}:

    curl -X POST ${address}/ofrep/v1/evaluate/flags/banner-text \\
      -H 'Content-Type: application/json' \\
      -d '{"context":{"targetingKey":"ada","email":"ada@example.com"}}'

  Change one:

    curl -X PATCH ${address}/api/v1/projects/default/environments/development/flags/new-checkout \\
      -H 'Content-Type: application/json' -d '{"defaultVariant":"off"}'

  flagd's providers find gRPC at 127.0.0.1:${grpcPort}
  The API is described at ${address}/docs
  The data lies in ${resolve(folder)}; nothing is durable beyond this folder.
  This is trial mode: no key is needed and only this machine is answered. Set DATABASE_URL for a real deployment.
`
}
