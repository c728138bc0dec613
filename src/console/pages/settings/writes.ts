import { call } from '../../api/client.ts'
import { writePatch } from '../../api/patch.ts'
import type { Environment, ListedProject } from './settings.ts'

const PROJECT = '/api/v1/projects/{project}' as const
const ENVIRONMENT = `${PROJECT}/environments/{environment}` as const

export type ProjectForm = Pick<ListedProject, 'name' | 'description'>
/** The settings of an environment that can be changed. */
type EnvironmentPatch = Partial<
  Pick<Environment, 'name' | 'description' | 'bucketing' | 'position' | 'protected' | 'metadata'>
>

/** The ETag of a version of a project or environment. */
const projectTag = ({ version }: ListedProject): string => `"${version}"`
const environmentTag = ({ revision }: Environment): string => `"${revision}"`

/** Changes the texts of a project. Throws ApiError; `stale` where the same text was changed meanwhile. */
export function changeProject(
  seen: ListedProject,
  patch: Partial<ProjectForm>,
  onConflict: (current: ListedProject) => void,
): Promise<void> {
  const path = { project: seen.key }
  return writePatch(seen, patch, {
    tagOf: projectTag,
    read: async () => (await call(`GET ${PROJECT}`, { path })).data,
    write: (ifMatch) => call(`PATCH ${PROJECT}`, { path, body: patch }, { ifMatch }),
    onConflict,
  })
}

/** Changes settings of an environment. Throws ApiError; `stale` where the same setting was changed meanwhile. */
export function changeEnvironment(
  seen: Environment,
  patch: EnvironmentPatch,
  onConflict?: (current: Environment) => void,
): Promise<void> {
  const path = { project: seen.project, environment: seen.key }
  return writePatch<Environment>(seen, patch, {
    tagOf: environmentTag,
    read: async () => (await call(`GET ${ENVIRONMENT}`, { path })).data,
    write: (ifMatch) => call(`PATCH ${ENVIRONMENT}`, { path, body: patch }, { ifMatch }),
    onConflict,
  })
}

/** Deletes a project without environments. Throws ApiError. */
export async function deleteProject(seen: ListedProject): Promise<void> {
  await call(`DELETE ${PROJECT}`, { path: { project: seen.key } }, { ifMatch: projectTag(seen) })
}

/** Deletes an environment with its definitions and keys. Throws ApiError; `stale` if anything in it was changed meanwhile. */
export async function deleteEnvironment(seen: Environment): Promise<void> {
  const path = { project: seen.project, environment: seen.key }
  await call(`DELETE ${ENVIRONMENT}`, { path }, { ifMatch: environmentTag(seen) })
}
