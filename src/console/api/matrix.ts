/** What an environment serves of a flag, in one word. `absent`: it has no definition there. */
export type CellState = 'on' | 'off' | 'held' | 'partial' | 'disabled' | 'absent'

/** One flag in one environment. */
export type MatrixCell = {
  readonly revision: number
  readonly state: CellState
  /** In words, such as "on for 10 %". */
  readonly served: string
  readonly variant: string | null
  /** Evaluations of the last 24 hours by hour, the oldest first; absent where there were none. */
  readonly evaluations24h?: readonly number[]
  readonly lastEvaluatedAt: string | null
  readonly stale: 'never_evaluated' | 'not_evaluated_30d' | 'one_answer_30d' | null
}

export type MatrixFlag = {
  readonly key: string
  readonly type: 'boolean' | 'string' | 'number' | 'object'
  readonly description: string
  readonly owner: string
  readonly tags: readonly string[]
  readonly permanent: boolean
  readonly archivedAt: string | null
  readonly createdAt: string
  readonly environments: Readonly<Record<string, MatrixCell>>
}

export type MatrixEnvironment = {
  readonly key: string
  readonly name: string
  readonly position: number
  /** Changes need a confirmation. */
  readonly protected: boolean
  readonly revision: number
}

/** `GET /api/v1/projects/{project}/matrix` */
export type Matrix = {
  readonly project: string
  readonly environments: readonly MatrixEnvironment[]
  readonly flags: readonly MatrixFlag[]
}
