import { Hono } from 'hono'
import type { Authenticate } from '../../../cache/authenticator.ts'
import type { Principal } from '../../../cache/key-set.ts'
import { authorize, principalOf } from '../../../middleware/authentication.ts'
import { STREAM_HEADERS } from '../../ofrep/event-stream.ts'
import type { EventSource, Streams } from '../../ofrep/streams.ts'
import { ProjectPath } from '../schemas.ts'
import { path } from '../validation.ts'
import type { ProjectHint, ProjectWatch } from './project-watch.ts'

export type ProjectEventDependencies = {
  readonly authenticate: Authenticate
  readonly isUsable: (principal: Principal) => Promise<boolean>
  readonly refreshKeys: () => Promise<void>
  readonly streams: Streams
}

/** `/api/v1/projects/:project/events`: what changed in a project, on any replica, as server-sent events without values. */
export function projectEventRoutes(watch: ProjectWatch, dependencies: ProjectEventDependencies): Hono {
  const { authenticate, isUsable, refreshKeys, streams } = dependencies
  return new Hono().get('/', authorize(authenticate, 'viewer'), path(ProjectPath), async (c) => {
    const { project } = c.req.valid('param')
    const principal = principalOf(c)
    const own = principal?.environment?.environment
    const source: EventSource = async (send, checkKey, end) => {
      const onHints = (hints: readonly ProjectHint[], all: readonly ProjectHint[]) => {
        const visible = hints.filter((hint) => isVisible(hint, own))
        if (visible.length > 0) send(encode(visible), encode(all.filter((hint) => isVisible(hint, own))))
        if (hints.some((hint) => 'keys' in hint)) void refreshKeys().then(checkKey)
      }
      const leave = await watch.add(project, { onHints, onDeleted: end })
      return { leave, first: undefined }
    }
    const stream = await streams.openFrom(`${project}/`, source, {
      isUsable: principal && (() => isUsable(principal)),
    })
    return new Response(stream, { headers: STREAM_HEADERS })
  })
}

/** A key of one environment gets the hints of that environment and of the flags. */
const isVisible = (hint: ProjectHint, own: string | undefined): boolean =>
  own === undefined || 'flags' in hint || ('environment' in hint && hint.environment === own)

const encode = (hints: readonly ProjectHint[]): Uint8Array =>
  new TextEncoder().encode(hints.map((hint) => `data: ${JSON.stringify(hint)}\n\n`).join(''))
