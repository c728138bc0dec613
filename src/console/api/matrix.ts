import type { Api } from './gen/api.ts'

type MatrixPart = Api['GET /api/v1/projects/{project}/matrix']['response']

/** Each flag of a project in each of its environments. */
export type Matrix = Omit<MatrixPart, 'next'>
export type MatrixEnvironment = Matrix['environments'][number]
export type MatrixFlag = Matrix['flags'][number]
/** One flag in one environment. */
export type MatrixCell = MatrixFlag['environments'][string]
