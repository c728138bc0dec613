import { signal } from '@preact/signals'
import { SERVICE } from '../app/paths.ts'
import type { ReachedRevision } from './queries.ts'

/** `live`: changes of others appear by themselves. `paused`: not until the tab is used. `offline`: the service is not reached. */
export const liveState = signal<'live' | 'paused' | 'offline'>('paused')

/** Without use for this long, the stream is closed, because an open one keeps an instance of the service awake. */
export const IDLE_MS = 300_000
/** A hidden tab keeps its stream for this long. */
export const HIDDEN_MS = 60_000
const CHECK_MS = 5_000
const RETRY_MS = 10_000
/** The page reads its data first: the beginning of the stream makes it read again. */
const START_MS = 1_500

/** Times in milliseconds; `hiddenAt` undefined: the tab is visible. */
export type TabUse = { readonly now: number; readonly usedAt: number; readonly hiddenAt: number | undefined }

/** Whether a tab may hold a stream open. */
export const mayFollow = ({ now, usedAt, hiddenAt }: TabUse): boolean =>
  now - usedAt < IDLE_MS && (hiddenAt === undefined || now - hiddenAt < HIDDEN_MS)

/** What may have changed: an environment, the keys of the project, something else of it, or, after a pause, anything. */
export type Changed = ReachedRevision | 'keys' | 'flags' | 'anything'

type Hint = ReachedRevision | { readonly keys: true } | { readonly flags: true }
const changedBy = (hint: Hint): Changed => ('environment' in hint ? hint : 'keys' in hint ? 'keys' : 'flags')

/**
 * Follows the changes of a project while the tab is used, and calls `onChange` for each, and whenever the stream begins. Returns what ends it.
 */
export function followProject(project: string, onChange: (changed: Changed) => void): () => void {
  const url = `${SERVICE}/api/v1/projects/${encodeURIComponent(project)}/events`
  let usedAt = Date.now()
  let hiddenAt: number | undefined
  let failedAt = Number.NEGATIVE_INFINITY
  let source: EventSource | undefined

  const close = (state: typeof liveState.value) => {
    source?.close()
    source = undefined
    liveState.value = state
  }
  const open = () => {
    source = new EventSource(url)
    source.onopen = () => {
      liveState.value = 'live'
      onChange('anything') // what changed during the pause, or since the page was loaded
    }
    source.onmessage = ({ data }) => onChange(changedBy(JSON.parse(data)))
    source.onerror = () => {
      failedAt = Date.now()
      close(navigator.onLine ? 'paused' : 'offline')
    }
  }
  const check = () => {
    const now = Date.now()
    if (!mayFollow({ now, usedAt, hiddenAt })) close('paused')
    else if (!source && now - failedAt >= RETRY_MS) open()
  }
  const use = () => {
    usedAt = Date.now()
    if (!source) check()
  }
  const onVisibility = () => {
    hiddenAt = document.hidden ? Date.now() : undefined
    if (!document.hidden) use()
  }
  const listening = new AbortController()
  const { signal } = listening
  for (const name of ['pointerdown', 'keydown', 'focus']) addEventListener(name, use, { signal, passive: true })
  addEventListener('online', use, { signal })
  document.addEventListener('visibilitychange', onVisibility, { signal })
  const timer = setInterval(check, CHECK_MS)
  const start = setTimeout(check, START_MS)
  return () => {
    listening.abort()
    clearInterval(timer)
    clearTimeout(start)
    close('paused')
  }
}
