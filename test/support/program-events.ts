import { createInterface } from 'node:readline'
import type { Program } from './process.ts'

type Event = { readonly what: string }
type EventOf<E extends Event, W extends E['what']> = E & { readonly what: W }
/** The next event of this kind that is wanted and that no earlier call returned. */
export type NextEvent<E extends Event> = <W extends E['what']>(
  what: W,
  isWanted?: (event: EventOf<E, W>) => boolean,
) => Promise<EventOf<E, W>>

const EVENT_MS = 30_000

/** Reads the events that a program writes as lines of JSON. The event `broken` fails every call, and so does the end of the program. */
export function eventsOf<E extends Event>(program: Program, limitMs = EVENT_MS): NextEvent<E> {
  const events: E[] = []
  const waiting = new Set<() => void>()
  const { stdout } = program.child
  if (!stdout) throw new Error('The program has no output')
  createInterface(stdout).on('line', (line) => {
    events.push(JSON.parse(line))
    for (const wake of waiting) wake()
  })
  return (what, isWanted = () => true) => {
    type Wanted = EventOf<E, typeof what>
    const { promise, resolve, reject } = Promise.withResolvers<Wanted>()
    const look = () => {
      const broken = events.find((event) => event.what === 'broken')
      if (broken) reject(new Error(JSON.stringify(broken)))
      const index = events.findIndex((event) => event.what === what && isWanted(event as Wanted))
      if (broken || index === -1) return
      waiting.delete(look) // before the event is taken: this call takes one
      resolve(events.splice(index, 1)[0] as Wanted)
    }
    waiting.add(look)
    look()
    const late = new Error(`Nothing was ${what} in ${limitMs} ms`)
    const timer = setTimeout(() => {
      late.message += `: ${program.output()}`
      reject(late)
    }, limitMs)
    void program.ended.then(() => reject(new Error(`The program ended: ${program.output()}`)))
    return promise.finally(() => {
      clearTimeout(timer)
      waiting.delete(look)
    })
  }
}
