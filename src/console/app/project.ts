import { signal } from '@preact/signals'
import { projectOf } from './paths.ts'
import { read, write } from './preferences.ts'

/** The project that is open, or was open last. Pages without a project in their URL use it for links. */
export const lastProject = signal(projectOf(location.pathname) ?? read('project'))

/** Remembers the project of the page that is open. */
export function noteProject(project: string): void {
  lastProject.value = project
  if (project !== read('project')) write('project', project)
}

/** The environment of a project that was open last; undefined if none was. Links without an environment open it. */
export const lastEnvironment = (project: string): string | undefined => read(environmentName(project))

/** Remembers the environment of the page that is open. */
export function noteEnvironment(project: string, environment: string): void {
  write(environmentName(project), environment)
}

const environmentName = (project: string) => `environment:${project}`
