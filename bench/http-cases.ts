import { Service } from '../src/grpc/gen/flagd/evaluation/v2/evaluation_pb.js'
import type { Runtime } from '../test/support/process.ts'
import { ADMIN_KEY, addEnvironment, addKey, CONTEXT, type Subject, TARGETED } from './subject.ts'
import type { Shot } from './wrk.ts'

/** One request, and the case or server that its rate is compared with. */
export type Case = {
  readonly name: string
  readonly shot: Shot
  /** Size of the response; undefined: the reference sends a response like that for one flag. */
  readonly bytes?: number | undefined
  /** The name of another case, or the bare server with a response of the same size; undefined: no comparison. */
  readonly of?: string | undefined
  /** The least ratio. */
  readonly goals?: Readonly<Record<Runtime, number>>
  /** Whether its latency at a fixed rate is measured as well. */
  readonly isTimed?: boolean
  /** The flags that other services need for the same request; undefined: they are not measured. */
  readonly flags?: Flags
}
export type Flags = Readonly<Record<string, object>>

export const BARE = 'bare'
export const STATIC = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'on' }
export const FRACTIONAL = {
  ...STATIC,
  targeting: {
    fractional: [
      ['on', 50],
      ['off', 50],
    ],
  },
}
/** One case each. */
const SINGLES: Flags = { static: STATIC, targeted: TARGETED, fractional: FRACTIONAL }
/** Ratio to the bare server's rate. */
const SINGLE_GOALS = { bun: 0.65, node: 0.75 }
const BULK = [1, 50, 350]
const BODY = JSON.stringify({ context: CONTEXT })
const JSON_TYPE = { 'content-type': 'application/json' }

/** `count` flags of a typical mix: of ten, seven have no rule, two have the rule of three conditions and one is a split. */
export function manyFlags(count: number): Flags {
  const kinds = [TARGETED, STATIC, STATIC, STATIC, FRACTIONAL, STATIC, STATIC, TARGETED, STATIC, STATIC]
  return Object.fromEntries(Array.from({ length: count }, (_, place) => [`flag-${place}`, kinds[place % 10] ?? STATIC]))
}

/** Stores the flags in a service and returns the requests. */
export async function prepareCases({ running, clientKey, send }: Subject): Promise<Case[]> {
  await send('PUT', '/projects/bench/environments/e/flagset', { flags: { ...SINGLES, toggle: STATIC } })
  const single = (key: string): Shot => evaluation(`/${key}`, clientKey)
  const cases: Case[] = [
    { name: 'OFREP single, static', shot: single('static'), of: BARE, flags: SINGLES },
    {
      name: 'OFREP single, targeting',
      shot: single('targeted'),
      of: BARE,
      goals: SINGLE_GOALS,
      isTimed: true,
      flags: SINGLES,
    },
    { name: 'OFREP single, fractional', shot: single('fractional'), of: BARE, flags: SINGLES },
  ]
  for (const count of BULK) {
    const flags = manyFlags(count)
    await addEnvironment(send, `f${count}`, flags)
    const shot = evaluation('', await addKey(send, `f${count}`, 'client'))
    const { bytes, etag } = await look(running.address, shot)
    const name = `OFREP bulk, ${count} flags`
    const isLargest = count === BULK.at(-1)
    cases.push({ name, shot, bytes, of: BARE, isTimed: count > 1, ...(isLargest && { flags }) })
    if (isLargest) {
      const held = { ...shot, headers: { ...shot.headers, 'if-none-match': etag } }
      cases.push({ name: `${name}, 304`, shot: held, of: name, goals: { bun: 4, node: 4 } })
    }
  }
  const key = await addKey(send, 'f350', 'server')
  const document: Shot = { method: 'GET', path: '/v1/flags', headers: { authorization: `Bearer ${key}` } }
  const { etag } = await look(running.address, document)
  const unchanged = { ...document, headers: { ...document.headers, 'if-none-match': etag } }
  cases.push({ name: 'HTTP sync, 350 flags, 304', shot: unchanged })
  cases.push({ name: 'Connect unary, targeting', shot: connect(clientKey), of: BARE, isTimed: true })
  cases.push({ name: 'management write', shot: WRITE })
  for (const { shot } of cases) await look(running.address, shot)
  return cases
}

function evaluation(path: string, key: string): Shot {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${key}` }
  return { method: 'POST', path: `/ofrep/v1/evaluate/flags${path}`, headers, body: BODY }
}

function connect(key: string): Shot {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${key}`, 'connect-protocol-version': '1' }
  const body = JSON.stringify({ flagKey: 'targeted', context: CONTEXT })
  return { method: 'POST', path: `/${Service.typeName}/ResolveBoolean`, headers, body }
}

const WRITE: Shot = {
  method: 'PATCH',
  path: '/api/v1/projects/bench/environments/e/flags/toggle',
  headers: { ...JSON_TYPE, authorization: `Bearer ${ADMIN_KEY}` },
  body: '{"metadata":{"turn":@}}',
  isNewEachTime: true,
}

/** Sends the request once; rejects unless it succeeds. */
async function look(address: string, shot: Shot): Promise<{ bytes: number; etag: string }> {
  const { method, headers, path, isNewEachTime } = shot
  const body = (isNewEachTime ? shot.body?.replace('@', '0') : shot.body) ?? null
  const response = await fetch(address + path, { method, headers, body })
  const bytes = (await response.arrayBuffer()).byteLength
  const wanted = 'if-none-match' in headers ? 304 : 200
  if (response.status !== wanted) throw new Error(`Cannot measure: ${method} ${path} answers ${response.status}`)
  return { bytes, etag: response.headers.get('etag') ?? '' }
}
