// Says of each URL of a JSON list whether the service's client connects, and as which user to which database; or why it does not.

import { parseRedisUrl } from '../../src/config/redis.ts'
import { openRedis } from '../../src/repository/redis/client.ts'

const urls: string[] = JSON.parse(process.argv[2] ?? '[]')
process.stdout.write(`${JSON.stringify(await Promise.all(urls.map(verdict)))}\n`)
process.exit(0)

async function verdict(url: string): Promise<string> {
  try {
    const { send } = openRedis(parseRedisUrl(url))
    const info = String(await send(['CLIENT', 'INFO']))
    return `${/ user=(\S+)/.exec(info)?.[1]} ${/ db=(\d+)/.exec(info)?.[1]}`
  } catch (error) {
    const { message, cause } = error as Error
    return `refused: ${cause instanceof Error ? `${message}: ${'code' in cause ? cause.code : ''} ${cause.message}` : message}`
  }
}
