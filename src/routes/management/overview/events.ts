import { Hono } from 'hono'
import type { Authenticate } from '../../../cache/authenticator.ts'
import { authorize, principalOf } from '../../../middleware/authentication.ts'
import type { Database } from '../../../repository/postgres/database.ts'
import { STREAM_HEADERS } from '../../ofrep/event-stream.ts'
import type { Streams } from '../../ofrep/streams.ts'
import { ProjectPath } from '../schemas.ts'
import { path } from '../validation.ts'
import { type ProjectHint, ProjectWatch } from './project-watch.ts'

/** `/api/v1/projects/:project/events`: what changed in a project, on any replica, as server-sent events without values. */
export function projectEventRoutes(database: Database, authenticate: Authenticate, streams: Streams): Hono {
  const watch = new ProjectWatch(database, streams)
  return new Hono().get('/', authorize(authenticate, 'viewer'), path(ProjectPath), async (c) => {
    const { project } = c.req.valid('param')
    const own = principalOf(c)?.environment?.environment
    const stream = await streams.openFrom(`${project}/`, async (send, end) => {
      const leave = await watch.add(project, (hints, all) => {
        const visible = hints.filter((hint) => isVisible(hint, own))
        if (visible.length > 0) send(encode(visible), encode(all.filter((hint) => isVisible(hint, own))))
        // The key of this stream may be revoked.
        if (hints.some((hint) => 'keys' in hint)) end()
      })
      return { leave, first: undefined }
    })
    return new Response(stream, { headers: STREAM_HEADERS })
  })
}

/** A key of one environment gets the hints of that environment and of the flags. */
const isVisible = (hint: ProjectHint, own: string | undefined): boolean =>
  own === undefined || 'flags' in hint || ('environment' in hint && hint.environment === own)

const encode = (hints: readonly ProjectHint[]): Uint8Array =>
  new TextEncoder().encode(hints.map((hint) => `data: ${JSON.stringify(hint)}\n\n`).join(''))
