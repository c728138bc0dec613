/** Operations of the management API, generated from its OpenAPI document: npm run generate:api. */

export interface Api {
  /**
   * List projects; for a viewer or editor its own
   */
  'GET /api/v1/projects': {
    query: {
      limit?: string
      after?: string
    }
    response: {
      items: {
        /**
         * Key of a project
         */
        key: string
        name: string
        description: string
        /**
         * Counts the changes of this object; its ETag
         */
        version: number
        /**
         * Creation
         */
        createdAt: string
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Create a project
   */
  'POST /api/v1/projects': {
    query: {
      comment?: string
    }
    body: {
      /**
       * Key of a project
       */
      key: string
      name?: string
      description?: string
    }
    response: {
      /**
       * Key of a project
       */
      key: string
      name: string
      description: string
      /**
       * Counts the changes of this object; its ETag
       */
      version: number
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Read a project
   */
  'GET /api/v1/projects/{project}': {
    path: {
      project: string
    }
    response: {
      /**
       * Key of a project
       */
      key: string
      name: string
      description: string
      /**
       * Counts the changes of this object; its ETag
       */
      version: number
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Change the name or description of a project
   */
  'PATCH /api/v1/projects/{project}': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    body: {
      name?: string
      description?: string
    }
    response: {
      /**
       * Key of a project
       */
      key: string
      name: string
      description: string
      /**
       * Counts the changes of this object; its ETag
       */
      version: number
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Delete a project that has no environments
   */
  'DELETE /api/v1/projects/{project}': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
  /**
   * List the environments of a project; for a viewer or editor its own
   */
  'GET /api/v1/projects/{project}/environments': {
    path: {
      project: string
    }
    response: {
      items: {
        /**
         * Key of a project
         */
        project: string
        /**
         * Key of an environment
         */
        key: string
        /**
         * `<project>/<environment>`: what OpenFeature clients select it by
         */
        flagSetId: string
        name: string
        description: string
        /**
         * How `fractional` assigns shares. Another algorithm moves users to other variants
         */
        bucketing: 'v1' | 'v2' | 'v3'
        /**
         * Place in lists, from 0; equal ones are ordered by key
         */
        position: number
        /**
         * Whether the console asks for confirmation before a change
         */
        protected: boolean
        /**
         * Returned to the application with each evaluation
         */
        metadata: {
          [k: string]: string | number | boolean
        }
        /**
         * Counts the changes of its environment
         */
        revision: number
        /**
         * Last change
         */
        changedAt: string
        /**
         * Creation
         */
        createdAt: string
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Create an environment
   */
  'POST /api/v1/projects/{project}/environments': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * Key of an environment
       */
      key: string
      name?: string
      description?: string
      /**
       * How `fractional` assigns shares. Another algorithm moves users to other variants
       */
      bucketing?: 'v1' | 'v2' | 'v3'
      /**
       * By default after all others
       */
      position?: number
      /**
       * Whether the console asks for confirmation before a change
       */
      protected?: boolean
    }
    response: {
      /**
       * Key of a project
       */
      project: string
      /**
       * Key of an environment
       */
      key: string
      /**
       * `<project>/<environment>`: what OpenFeature clients select it by
       */
      flagSetId: string
      name: string
      description: string
      /**
       * How `fractional` assigns shares. Another algorithm moves users to other variants
       */
      bucketing: 'v1' | 'v2' | 'v3'
      /**
       * Place in lists, from 0; equal ones are ordered by key
       */
      position: number
      /**
       * Whether the console asks for confirmation before a change
       */
      protected: boolean
      /**
       * Returned to the application with each evaluation
       */
      metadata: {
        [k: string]: string | number | boolean
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * Last change
       */
      changedAt: string
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Read an environment
   */
  'GET /api/v1/projects/{project}/environments/{environment}': {
    path: {
      project: string
      environment: string
    }
    response: {
      /**
       * Key of a project
       */
      project: string
      /**
       * Key of an environment
       */
      key: string
      /**
       * `<project>/<environment>`: what OpenFeature clients select it by
       */
      flagSetId: string
      name: string
      description: string
      /**
       * How `fractional` assigns shares. Another algorithm moves users to other variants
       */
      bucketing: 'v1' | 'v2' | 'v3'
      /**
       * Place in lists, from 0; equal ones are ordered by key
       */
      position: number
      /**
       * Whether the console asks for confirmation before a change
       */
      protected: boolean
      /**
       * Returned to the application with each evaluation
       */
      metadata: {
        [k: string]: string | number | boolean
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * Last change
       */
      changedAt: string
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Change the settings of an environment
   */
  'PATCH /api/v1/projects/{project}/environments/{environment}': {
    path: {
      project: string
      environment: string
    }
    query: {
      force?: 'true' | 'false'
      comment?: string
    }
    body: {
      name?: string
      description?: string
      /**
       * How `fractional` assigns shares. Another algorithm moves users to other variants
       */
      bucketing?: 'v1' | 'v2' | 'v3'
      /**
       * Place in lists, from 0; equal ones are ordered by key
       */
      position?: number
      /**
       * Whether the console asks for confirmation before a change
       */
      protected?: boolean
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
    }
    response: {
      /**
       * Key of a project
       */
      project: string
      /**
       * Key of an environment
       */
      key: string
      /**
       * `<project>/<environment>`: what OpenFeature clients select it by
       */
      flagSetId: string
      name: string
      description: string
      /**
       * How `fractional` assigns shares. Another algorithm moves users to other variants
       */
      bucketing: 'v1' | 'v2' | 'v3'
      /**
       * Place in lists, from 0; equal ones are ordered by key
       */
      position: number
      /**
       * Whether the console asks for confirmation before a change
       */
      protected: boolean
      /**
       * Returned to the application with each evaluation
       */
      metadata: {
        [k: string]: string | number | boolean
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * Last change
       */
      changedAt: string
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Delete an environment with its definitions and keys
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}': {
    path: {
      project: string
      environment: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
  /**
   * List the flags of a project
   */
  'GET /api/v1/projects/{project}/flags': {
    path: {
      project: string
    }
    query: {
      limit?: string
      after?: string
      archived?: 'true' | 'false'
      tag?: string
    }
    response: {
      items: {
        /**
         * Key of a flag, unique in its project
         */
        key: string
        type: 'boolean' | 'string' | 'number' | 'object'
        description: string
        owner: string
        tags: string[]
        /**
         * False: a flag that is to be removed one day
         */
        permanent: boolean
        valueSchema: unknown
        /**
         * What it is for; decides how long it may live (release)
         */
        kind: 'release' | 'experiment' | 'operational' | 'killSwitch' | 'permission'
        expiresAt: string | null
        staleDismissedUntil: string | null
        staleDismissedReason: string
        archived: boolean
        /**
         * Evaluations since it was archived, which answered FLAG_NOT_FOUND
         */
        archivedEvaluations: number
        /**
         * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
         */
        lastEvaluatedAt: string | null
        /**
         * Counts the changes of this object; its ETag
         */
        version: number
        /**
         * Creation
         */
        createdAt: string
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Create a flag
   */
  'POST /api/v1/projects/{project}/flags': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * Key of a flag, unique in its project
       */
      key: string
      type: 'boolean' | 'string' | 'number' | 'object'
      description?: string
      owner?: string
      /**
       * @maxItems 50
       */
      tags?: string[]
      permanent?: boolean
      valueSchema?: unknown
      /**
       * What it is for; decides how long it may live (release)
       */
      kind?: 'release' | 'experiment' | 'operational' | 'killSwitch' | 'permission'
      expiresAt?: string | null
    }
    response: {
      /**
       * Key of a flag, unique in its project
       */
      key: string
      type: 'boolean' | 'string' | 'number' | 'object'
      description: string
      owner: string
      tags: string[]
      /**
       * False: a flag that is to be removed one day
       */
      permanent: boolean
      valueSchema: unknown
      /**
       * What it is for; decides how long it may live (release)
       */
      kind: 'release' | 'experiment' | 'operational' | 'killSwitch' | 'permission'
      expiresAt: string | null
      staleDismissedUntil: string | null
      staleDismissedReason: string
      archived: boolean
      /**
       * Evaluations since it was archived, which answered FLAG_NOT_FOUND
       */
      archivedEvaluations: number
      /**
       * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
       */
      lastEvaluatedAt: string | null
      /**
       * Counts the changes of this object; its ETag
       */
      version: number
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Read a flag
   */
  'GET /api/v1/projects/{project}/flags/{key}': {
    path: {
      project: string
      key: string
    }
    response: {
      /**
       * Key of a flag, unique in its project
       */
      key: string
      type: 'boolean' | 'string' | 'number' | 'object'
      description: string
      owner: string
      tags: string[]
      /**
       * False: a flag that is to be removed one day
       */
      permanent: boolean
      valueSchema: unknown
      /**
       * What it is for; decides how long it may live (release)
       */
      kind: 'release' | 'experiment' | 'operational' | 'killSwitch' | 'permission'
      expiresAt: string | null
      staleDismissedUntil: string | null
      staleDismissedReason: string
      archived: boolean
      /**
       * Evaluations since it was archived, which answered FLAG_NOT_FOUND
       */
      archivedEvaluations: number
      /**
       * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
       */
      lastEvaluatedAt: string | null
      /**
       * Counts the changes of this object; its ETag
       */
      version: number
      /**
       * Creation
       */
      createdAt: string
      /**
       * Flags whose prerequisite it is, at most 1000
       */
      neededBy: {
        /**
         * Key of an environment
         */
        environment: string
        /**
         * Key of a flag, unique in its project
         */
        flag: string
      }[]
    }
  }
  /**
   * Change the properties of a flag; archive or restore it
   */
  'PATCH /api/v1/projects/{project}/flags/{key}': {
    path: {
      project: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      description?: string
      owner?: string
      /**
       * @maxItems 50
       */
      tags?: string[]
      permanent?: boolean
      valueSchema?: unknown
      /**
       * What it is for; decides how long it may live (release)
       */
      kind?: 'release' | 'experiment' | 'operational' | 'killSwitch' | 'permission'
      expiresAt?: string | null
      staleDismissedUntil?: string | null
      staleDismissedReason?: string
      archived?: boolean
    }
    response: {
      /**
       * Key of a flag, unique in its project
       */
      key: string
      type: 'boolean' | 'string' | 'number' | 'object'
      description: string
      owner: string
      tags: string[]
      /**
       * False: a flag that is to be removed one day
       */
      permanent: boolean
      valueSchema: unknown
      /**
       * What it is for; decides how long it may live (release)
       */
      kind: 'release' | 'experiment' | 'operational' | 'killSwitch' | 'permission'
      expiresAt: string | null
      staleDismissedUntil: string | null
      staleDismissedReason: string
      archived: boolean
      /**
       * Evaluations since it was archived, which answered FLAG_NOT_FOUND
       */
      archivedEvaluations: number
      /**
       * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
       */
      lastEvaluatedAt: string | null
      /**
       * Counts the changes of this object; its ETag
       */
      version: number
      /**
       * Creation
       */
      createdAt: string
    }
  }
  /**
   * Archive flags, all or none
   */
  'POST /api/v1/projects/{project}/flags/archive': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * @minItems 1
       * @maxItems 20000
       *
       * Items: Key of a flag, unique in its project
       */
      flags: [string, ...string[]]
      dryRun?: boolean
    }
    response: {
      dryRun: boolean
      archived: string[]
      /**
       * Were archived before
       */
      unchanged: string[]
      /**
       * By environment; empty after a dry run
       */
      revisions: {
        /**
         * Counts the changes of its environment
         */
        [k: string]: number
      }
    }
  }
  /**
   * Read the flags of a project with what each environment serves
   */
  'GET /api/v1/projects/{project}/matrix': {
    path: {
      project: string
    }
    query: {
      /**
       * @maxItems 100
       *
       * Items: Key of an environment
       */
      environments?: string[]
      limit?: string
      after?: string
    }
    response: {
      /**
       * Key of a project
       */
      project: string
      environments: {
        /**
         * Key of an environment
         */
        key: string
        name: string
        position: number
        protected: boolean
        /**
         * Counts the changes of its environment
         */
        revision: number
      }[]
      flags: {
        /**
         * Key of a flag, unique in its project
         */
        key: string
        type: 'boolean' | 'string' | 'number' | 'object'
        description: string
        owner: string
        tags: string[]
        permanent: boolean
        archivedAt: string | null
        /**
         * Creation
         */
        createdAt: string
        environments: {
          [k: string]: {
            /**
             * Of the last change of the flag in this environment; 0 if it was never there
             */
            revision: number
            /**
             * partial: it depends on the user; held: a first rule that is always true; absent: no definition
             */
            state: 'on' | 'off' | 'held' | 'partial' | 'disabled' | 'absent'
            /**
             * What is served, in words, such as "on for 10 %"
             */
            served: string
            /**
             * The variant of all users; null if it depends on the user
             */
            variant: string | null
            /**
             * Evaluations by hour, the current hour last; absent if there were none
             */
            evaluations24h?: number[]
            /**
             * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
             */
            lastEvaluatedAt: string | null
            managedBy?: {
              name: string
              locked: boolean
            } | null
            /**
             * Evidence that the flag is no longer needed here, by the thresholds of the project; `stale` has all of it
             */
            stale: ('never_evaluated' | 'not_evaluated' | 'one_answer') | null
          }
        }
      }[]
      /**
       * Where the next part starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * List the attributes that rules read; for a viewer or editor those of its environment
   */
  'GET /api/v1/projects/{project}/attributes': {
    path: {
      project: string
    }
    response: {
      /**
       * At most 500, those of most uses first
       */
      items: {
        /**
         * Path in the evaluation context
         */
        name: string
        /**
         * Literals that rules compare it with, of their JSON types; at most 20
         */
        values: (string | number | boolean)[]
        /**
         * How often rules read it
         */
        uses: number
        isBuiltIn: boolean
      }[]
    }
  }
  /**
   * List flags that may be removed, with evidence
   */
  'GET /api/v1/projects/{project}/stale': {
    path: {
      project: string
    }
    query: {
      limit?: string
      after?: string
      environment?: string
      evidence?: 'one-answer' | 'constant' | 'unused' | 'expired' | 'untouched' | 'no-code' | 'orphan'
      owner?: string
      status?: 'active' | 'new' | 'finished' | 'abandoned' | 'overdue' | 'permanent' | 'dismissed'
    }
    response: {
      items: {
        /**
         * Key of a flag, unique in its project
         */
        flag: string
        /**
         * finished: one answer everywhere; abandoned: not used; overdue: only its lifetime has ended
         */
        status: 'active' | 'new' | 'finished' | 'abandoned' | 'overdue' | 'permanent' | 'dismissed'
        since: string | null
        owner: string
        evidence: {
          /**
           * one-answer: one variant only was served; constant: the definition can answer one variant only; unused: no evaluation; expired: older than its lifetime; untouched: no change; no-code: no reference in code; orphan: no definition
           */
          kind: 'one-answer' | 'constant' | 'unused' | 'expired' | 'untouched' | 'no-code' | 'orphan'
          since: string | null
          environment?: string
          /**
           * Null: the default in the application’s code
           */
          variant?: string | null
          /**
           * Within the days of the threshold of one answer
           */
          evaluations?: number
        }[]
        /**
         * Why a conclusion is not drawn
         */
        unsure: {
          /**
           * synced: clients evaluate in process there, which is not counted; never-launched: it never answered anything else, its launch may be ahead
           */
          kind: 'synced' | 'never-launched'
          environment: string
          lastSyncAt?: string | null
          /**
           * User agents of these clients
           */
          by?: string[]
          /**
           * Null: the default in the application’s code
           */
          variant?: string | null
        }[]
        /**
         * Why the flag stays although evidence says otherwise
         */
        held: {
          /**
           * needed: other flags need it; scheduled: time changes it; grouped: it is in a group or holdout
           */
          kind: 'needed' | 'scheduled' | 'grouped'
          /**
           * Flags that need it
           */
          by?: string[]
          environment?: string
          at?: string | null
        }[]
        /**
         * What to do
         */
        next: string | null
        /**
         * The variant to keep in the code of a finished flag
         */
        keep?: string | null
        dismissedUntil: string | null
        dismissedReason: string
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
      /**
       * Flags of each status, on this page and after it
       */
      counts: {
        [k: string]: number
      }
    }
  }
  /**
   * Read the thresholds of evidence
   */
  'GET /api/v1/projects/{project}/stale/settings': {
    path: {
      project: string
    }
    response: {
      /**
       * A younger flag is new (7)
       */
      newDays: number
      /**
       * How long a flag has had one answer and an unchanged definition (14)
       */
      answerDays: number
      /**
       * How long a flag was not evaluated (30)
       */
      unusedDays: number
      /**
       * How long a flag was not changed (90)
       */
      untouchedDays: number
      /**
       * How old a scan of code may be (7)
       */
      codeDays: number
      /**
       * Days by kind of flag; null: it stays ({"release":90,"experiment":90,"operational":90,"killSwitch":null,"permission":null})
       */
      lifetimeDays: {
        release?: number | null
        experiment?: number | null
        operational?: number | null
        killSwitch?: number | null
        permission?: number | null
      }
      /**
       * The environments that decide whether a flag is finished; null: all that are in use
       */
      environments: string[] | null
    }
  }
  /**
   * Replace the thresholds of evidence; what is missing has its default
   */
  'PUT /api/v1/projects/{project}/stale/settings': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * A younger flag is new (7)
       */
      newDays?: number
      /**
       * How long a flag has had one answer and an unchanged definition (14)
       */
      answerDays?: number
      /**
       * How long a flag was not evaluated (30)
       */
      unusedDays?: number
      /**
       * How long a flag was not changed (90)
       */
      untouchedDays?: number
      /**
       * How old a scan of code may be (7)
       */
      codeDays?: number
      /**
       * Days by kind of flag; null: it stays ({"release":90,"experiment":90,"operational":90,"killSwitch":null,"permission":null})
       */
      lifetimeDays?: {
        release?: number | null
        experiment?: number | null
        operational?: number | null
        killSwitch?: number | null
        permission?: number | null
      }
      /**
       * The environments that decide whether a flag is finished; null: all that are in use
       */
      environments?: string[] | null
    }
    response: {
      /**
       * A younger flag is new (7)
       */
      newDays: number
      /**
       * How long a flag has had one answer and an unchanged definition (14)
       */
      answerDays: number
      /**
       * How long a flag was not evaluated (30)
       */
      unusedDays: number
      /**
       * How long a flag was not changed (90)
       */
      untouchedDays: number
      /**
       * How old a scan of code may be (7)
       */
      codeDays: number
      /**
       * Days by kind of flag; null: it stays ({"release":90,"experiment":90,"operational":90,"killSwitch":null,"permission":null})
       */
      lifetimeDays: {
        release?: number | null
        experiment?: number | null
        operational?: number | null
        killSwitch?: number | null
        permission?: number | null
      }
      /**
       * The environments that decide whether a flag is finished; null: all that are in use
       */
      environments: string[] | null
    }
  }
  /**
   * Replace the references that a scan of a branch found
   */
  'PUT /api/v1/projects/{project}/code-references/{repository}': {
    path: {
      project: string
      repository: string
    }
    query: {
      comment?: string
    }
    body: {
      branch: string
      commit: string
      /**
       * An older commit than the last one is refused
       */
      committedAt: string
      /**
       * @maxItems 50000
       */
      references: {
        /**
         * Key of a flag, unique in its project
         */
        flag: string
        path: string
        line: number
        /**
         * The line of source, if it may be stored
         */
        text?: string
      }[]
    }
    response: {
      /**
       * References that are stored
       */
      references: number
      /**
       * Keys that no flag has, at most 1,000; their references are dropped
       */
      unknown: string[]
    }
  }
  /**
   * List where code names a flag
   */
  'GET /api/v1/projects/{project}/flags/{key}/code-references': {
    path: {
      project: string
      key: string
    }
    response: {
      scans: {
        repository: string
        branch: string
        commit: string
        /**
         * Of the commit
         */
        committedAt: string
        /**
         * When the scan was received
         */
        reportedAt: string
        /**
         * References to this flag
         */
        references: number
      }[]
      /**
       * At most 1000
       */
      items: {
        repository: string
        branch: string
        path: string
        line: number
        text: string
      }[]
    }
  }
  /**
   * Compare two environments
   */
  'GET /api/v1/projects/{project}/compare': {
    path: {
      project: string
    }
    query: {
      source: string
      target: string
      flag?: string[] | string
      only?: 'different'
      limit?: string
      after?: string
    }
    response: {
      source: {
        /**
         * Key of an environment
         */
        environment: string
        /**
         * Counts the changes of its environment
         */
        revision: number
      }
      target: {
        /**
         * Key of an environment
         */
        environment: string
        /**
         * Counts the changes of its environment
         */
        revision: number
      }
      items: {
        /**
         * Key of a flag, unique in its project
         */
        flag: string
        status: 'equal' | 'different' | 'only-in-source' | 'only-in-target'
        /**
         * When the flag was last carried; null: never
         */
        base: {
          /**
           * Counts the changes of its environment
           */
          sourceRevision: number
          /**
           * Counts the changes of its environment
           */
          targetRevision: number
          /**
           * When
           */
          at: string
        } | null
        /**
         * Those that differ
         */
        members: {
          /**
           * JSON Pointer into the definition; "" where a side has no definition
           */
          member: string
          /**
           * take: only the source has changed since it was last carried; keep: only the target has; conflict: both have; unknown: never carried
           */
          verdict: 'equal' | 'take' | 'keep' | 'conflict' | 'unknown'
          /**
           * Missing where the member is absent
           */
          source?: {
            [k: string]: unknown
          }
          /**
           * Missing where the member is absent
           */
          target?: {
            [k: string]: unknown
          }
          /**
           * Missing where the member is absent
           */
          base?: {
            [k: string]: unknown
          }
        }[]
        /**
         * Segments that the source’s rule reaches and that differ
         */
        segments: string[]
        /**
         * Flags that the source’s flag needs
         */
        needs: string[]
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
      /**
       * The segments that the items name
       */
      segments: {
        segment: string
        /**
         * take: only the source has changed since it was last carried; keep: only the target has; conflict: both have; unknown: never carried
         */
        verdict: 'equal' | 'take' | 'keep' | 'conflict' | 'unknown'
        /**
         * Missing where the member is absent
         */
        source?: {
          [k: string]: unknown
        }
        /**
         * Missing where the member is absent
         */
        target?: {
          [k: string]: unknown
        }
        /**
         * Missing where the member is absent
         */
        base?: {
          [k: string]: unknown
        }
      }[]
    }
  }
  /**
   * Carry flags from one environment to another
   */
  'POST /api/v1/projects/{project}/promote': {
    path: {
      project: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * Key of an environment
       */
      source: string
      /**
       * Key of an environment
       */
      target: string
      ifSource?: number
      ifTarget?: number
      /**
       * @minItems 1
       * @maxItems 20000
       */
      flags: [
        {
          /**
           * Key of a flag, unique in its project
           */
          flag: string
          /**
           * JSON Pointers of members to carry, such as /variants, or /targeting with the plan; all by default
           *
           * @maxItems 1000
           */
          members?: string[]
          /**
           * The side of members, by JSON Pointer; "" names all. The longest pointer decides
           */
          resolve?: {
            [k: string]: 'source' | 'target'
          }
          /**
           * Remove a flag that the source does not have
           */
          remove?: boolean
        },
        ...{
          /**
           * Key of a flag, unique in its project
           */
          flag: string
          /**
           * JSON Pointers of members to carry, such as /variants, or /targeting with the plan; all by default
           *
           * @maxItems 1000
           */
          members?: string[]
          /**
           * The side of members, by JSON Pointer; "" names all. The longest pointer decides
           */
          resolve?: {
            [k: string]: 'source' | 'target'
          }
          /**
           * Remove a flag that the source does not have
           */
          remove?: boolean
        }[]
      ]
      /**
       * needed: carry segments that the carried rules reach and the target lacks
       */
      segments?: 'needed' | 'none'
      /**
       * The side of segments that differ, by name
       */
      resolveSegments?: {
        [k: string]: 'source' | 'target'
      }
      /**
       * keep: the target keeps its states, and new flags arrive DISABLED
       */
      state?: 'keep' | 'take'
      /**
       * What is carried of timelines, required if one has an arm in the future. asIs: the timeline; drop: what it serves now, as the rule
       */
      plans?: 'asIs' | 'drop'
      dryRun?: boolean
    }
    response: {
      /**
       * Of the target
       */
      revision: number
      dryRun: boolean
      changed: {
        /**
         * Key of a flag, unique in its project
         */
        flag: string
        /**
         * Taken from the source; "" if the flag is new or removed
         */
        members: string[]
        before: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        } | null
        after: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        } | null
      }[]
      /**
       * Segments that are new or replaced in the target
       */
      segments: string[]
      warnings: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * List the definitions of an environment
   */
  'GET /api/v1/projects/{project}/environments/{environment}/flags': {
    path: {
      project: string
      environment: string
    }
    query: {
      limit?: string
      after?: string
    }
    response: {
      items: {
        /**
         * Key of a flag, unique in its project
         */
        key: string
        /**
         * Counts the changes of its environment
         */
        revision: number
        definition: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        }
        /**
         * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
         */
        lastEvaluatedAt: string | null
        managedBy: {
          name: string
          locked: boolean
        } | null
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Read a definition
   */
  'GET /api/v1/projects/{project}/environments/{environment}/flags/{key}': {
    path: {
      project: string
      environment: string
      key: string
    }
    response: {
      state: 'ENABLED' | 'DISABLED'
      /**
       * Name → value; all values of one type
       */
      variants: {
        [k: string]: unknown
      }
      /**
       * Null or absent: the default in the application’s code
       */
      defaultVariant?: string | null
      /**
       * JSONLogic with flagd’s operators; evaluates to the name of a variant
       */
      targeting?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
      /**
       * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
       */
      flagstaff?: {
        [k: string]: unknown
      }
    }
  }
  /**
   * Create or replace a definition
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/flags/{key}': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      state: 'ENABLED' | 'DISABLED'
      /**
       * Name → value; all values of one type
       */
      variants: {
        [k: string]: unknown
      }
      /**
       * Null or absent: the default in the application’s code
       */
      defaultVariant?: string | null
      /**
       * JSONLogic with flagd’s operators; evaluates to the name of a variant
       */
      targeting?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
      /**
       * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
       */
      flagstaff?: {
        [k: string]: unknown
      }
    }
    response: {
      state: 'ENABLED' | 'DISABLED'
      /**
       * Name → value; all values of one type
       */
      variants: {
        [k: string]: unknown
      }
      /**
       * Null or absent: the default in the application’s code
       */
      defaultVariant?: string | null
      /**
       * JSONLogic with flagd’s operators; evaluates to the name of a variant
       */
      targeting?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
      /**
       * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
       */
      flagstaff?: {
        [k: string]: unknown
      }
      /**
       * Valid here, but evaluated differently by other engines of flagd; absent where there are none
       */
      warnings?: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Change parts of a definition (JSON Merge Patch, RFC 7396)
   */
  'PATCH /api/v1/projects/{project}/environments/{environment}/flags/{key}': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      state: 'ENABLED' | 'DISABLED'
      /**
       * Name → value; all values of one type
       */
      variants: {
        [k: string]: unknown
      }
      /**
       * Null or absent: the default in the application’s code
       */
      defaultVariant?: string | null
      /**
       * JSONLogic with flagd’s operators; evaluates to the name of a variant
       */
      targeting?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
      /**
       * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
       */
      flagstaff?: {
        [k: string]: unknown
      }
    }
    response: {
      state: 'ENABLED' | 'DISABLED'
      /**
       * Name → value; all values of one type
       */
      variants: {
        [k: string]: unknown
      }
      /**
       * Null or absent: the default in the application’s code
       */
      defaultVariant?: string | null
      /**
       * JSONLogic with flagd’s operators; evaluates to the name of a variant
       */
      targeting?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
      /**
       * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
       */
      flagstaff?: {
        [k: string]: unknown
      }
      /**
       * Valid here, but evaluated differently by other engines of flagd; absent where there are none
       */
      warnings?: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Remove a definition from an environment
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}/flags/{key}': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
  /**
   * Roll a definition back to a revision
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/rollback': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * Counts the changes of its environment
       */
      revision: number
    }
    response: {
      /**
       * Key of a flag, unique in its project
       */
      key: string
      /**
       * Counts the changes of its environment
       */
      revision: number
      definition: {
        state: 'ENABLED' | 'DISABLED'
        /**
         * Name → value; all values of one type
         */
        variants: {
          [k: string]: unknown
        }
        /**
         * Null or absent: the default in the application’s code
         */
        defaultVariant?: string | null
        /**
         * JSONLogic with flagd’s operators; evaluates to the name of a variant
         */
        targeting?: {
          [k: string]: unknown
        }
        /**
         * Returned to the application with each evaluation
         */
        metadata?: {
          [k: string]: string | number | boolean
        }
        /**
         * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
         */
        flagstaff?: {
          [k: string]: unknown
        }
      }
      /**
       * Valid here, but evaluated differently by other engines of flagd; absent where there are none
       */
      warnings?: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Copy a flag to another key
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/copy': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * Key of a flag, unique in its project
       */
      to: string
      /**
       * keep: the copy is DISABLED; take: it has the state of the flag
       */
      state?: 'keep' | 'take'
    }
    response: {
      /**
       * Key of a flag, unique in its project
       */
      key: string
      /**
       * Counts the changes of its environment
       */
      revision: number
      definition: {
        state: 'ENABLED' | 'DISABLED'
        /**
         * Name → value; all values of one type
         */
        variants: {
          [k: string]: unknown
        }
        /**
         * Null or absent: the default in the application’s code
         */
        defaultVariant?: string | null
        /**
         * JSONLogic with flagd’s operators; evaluates to the name of a variant
         */
        targeting?: {
          [k: string]: unknown
        }
        /**
         * Returned to the application with each evaluation
         */
        metadata?: {
          [k: string]: string | number | boolean
        }
        /**
         * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
         */
        flagstaff?: {
          [k: string]: unknown
        }
      }
      warnings: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Change the shares of variants and move as few users as possible
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/flags/{key}/split': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      dryRun?: 'true' | 'false'
      comment?: string
    }
    body: {
      /**
       * @minItems 1
       * @maxItems 100
       */
      shares: [
        {
          variant: string
          /**
           * Of 100000
           */
          share: number
        },
        ...{
          variant: string
          /**
           * Of 100000
           */
          share: number
        }[]
      ]
      /**
       * JSON Pointer of the split in the rule; absent: the only one
       */
      at?: string
    }
    response: {
      /**
       * Share of users, from 0 to 1, that get another variant: the least possible
       */
      moves: number
      /**
       * JSON Pointer of the split in the rule
       */
      at: string
      ranges: {
        variant: string
        weight: number
      }[]
      /**
       * Counts the changes of its environment
       */
      revision?: number
      dryRun: boolean
    }
  }
  /**
   * Give one user a variant
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/overrides': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * The targeting key of one user
       */
      targetingKey: string
      variant: string
      /**
       * Unix second at which it ends; absent: never
       */
      until?: number
    }
    response: {
      overrides: {
        targetingKey: string
        variant: string
        until?: number
      }[]
      /**
       * Counts the changes of its environment
       */
      revision: number
    }
  }
  /**
   * Take the variant of one user back
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}/flags/{key}/overrides/{targetingKey}': {
    path: {
      project: string
      environment: string
      key: string
      targetingKey: string
    }
    query: {
      comment?: string
    }
    response: {
      overrides: {
        targetingKey: string
        variant: string
        until?: number
      }[]
      /**
       * Counts the changes of its environment
       */
      revision: number
    }
  }
  /**
   * List the mutual exclusion groups of an environment
   */
  'GET /api/v1/projects/{project}/environments/{environment}/groups': {
    path: {
      project: string
      environment: string
    }
    response: {
      items: {
        /**
         * Unique in its environment
         */
        name: string
        by: string
        slots: {
          slot: string
          places: number
        }[]
        /**
         * Places without a slot
         */
        free: number
        /**
         * Revision of its last change; its ETag. 0 in a dry run of a new group
         */
        revision: number
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Read a mutual exclusion group
   */
  'GET /api/v1/projects/{project}/environments/{environment}/groups/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    response: {
      /**
       * Unique in its environment
       */
      name: string
      by: string
      slots: {
        slot: string
        places: number
      }[]
      /**
       * Places without a slot
       */
      free: number
      /**
       * Revision of its last change; its ETag. 0 in a dry run of a new group
       */
      revision: number
    }
  }
  /**
   * Create or change a mutual exclusion group
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/groups/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      dryRun?: 'true' | 'false'
      comment?: string
    }
    body: {
      /**
       * The attribute that users are distributed by (targetingKey); users without it, or with one that is no text, are not in
       */
      by?: string
      /**
       * @maxItems 100
       */
      slots: {
        /**
         * Name of the slot, often the key of its flag
         */
        slot: string
        /**
         * Of 100000: how many users are in the slot
         */
        places: number
      }[]
      /**
       * Let users change from one slot to another where too few places are free
       */
      move?: boolean
    }
    response: {
      /**
       * Unique in its environment
       */
      name: string
      by: string
      slots: {
        slot: string
        places: number
      }[]
      /**
       * Places without a slot
       */
      free: number
      /**
       * Revision of its last change; its ETag. 0 in a dry run of a new group
       */
      revision: number
      dryRun: boolean
      /**
       * Of 100000 users: who change slots, who get one, who lose theirs
       */
      moves: {
        moved: number
        entered: number
        left: number
      }
    }
  }
  /**
   * Delete a mutual exclusion group that is not in use
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}/groups/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
  /**
   * List the holdouts of an environment
   */
  'GET /api/v1/projects/{project}/environments/{environment}/holdouts': {
    path: {
      project: string
      environment: string
    }
    response: {
      items: {
        /**
         * Unique in its environment
         */
        name: string
        by: string
        /**
         * Of 100000: how many users are held out. A larger share adds users, a smaller one removes some
         */
        share: number
        until: number | null
        /**
         * Revision of its last change; its ETag
         */
        revision: number
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Read a holdout
   */
  'GET /api/v1/projects/{project}/environments/{environment}/holdouts/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    response: {
      /**
       * Unique in its environment
       */
      name: string
      by: string
      /**
       * Of 100000: how many users are held out. A larger share adds users, a smaller one removes some
       */
      share: number
      until: number | null
      /**
       * Revision of its last change; its ETag
       */
      revision: number
    }
  }
  /**
   * Create or change a holdout
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/holdouts/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * The attribute that users are distributed by (targetingKey); users without it, or with one that is no text, are not in
       */
      by?: string
      /**
       * Of 100000: how many users are held out. A larger share adds users, a smaller one removes some
       */
      share: number
      until?: number | null
      /**
       * Let another attribute move all users
       */
      move?: boolean
    }
    response: {
      /**
       * Unique in its environment
       */
      name: string
      by: string
      /**
       * Of 100000: how many users are held out. A larger share adds users, a smaller one removes some
       */
      share: number
      until: number | null
      /**
       * Revision of its last change; its ETag
       */
      revision: number
    }
  }
  /**
   * Delete a holdout that is not in use
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}/holdouts/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
  /**
   * List the segments of an environment
   */
  'GET /api/v1/projects/{project}/environments/{environment}/segments': {
    path: {
      project: string
      environment: string
    }
    query: {
      limit?: string
      after?: string
      usedBy?: 'true' | 'false'
    }
    response: {
      items: {
        /**
         * Name of a segment, unique in its environment
         */
        name: string
        rule: unknown
        /**
         * Revision of its last change; its ETag
         */
        revision: number
        /**
         * The segments that its rule refers to
         */
        references: string[]
        /**
         * Who refers to the segment, directly or through other segments; `count` has all of them
         */
        usedBy?: {
          count: number
          flags: {
            /**
             * Key of a flag, name of a segment
             */
            key: string
            /**
             * The segments between, that of the user first; empty: direct
             */
            path: string[]
          }[]
          segments: {
            /**
             * Key of a flag, name of a segment
             */
            key: string
            /**
             * The segments between, that of the user first; empty: direct
             */
            path: string[]
          }[]
        }
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Read a segment
   */
  'GET /api/v1/projects/{project}/environments/{environment}/segments/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    response: {
      /**
       * Name of a segment, unique in its environment
       */
      name: string
      rule: unknown
      /**
       * Revision of its last change; its ETag
       */
      revision: number
      /**
       * The segments that its rule refers to
       */
      references: string[]
      /**
       * Who refers to the segment, directly or through other segments; `count` has all of them
       */
      usedBy?: {
        count: number
        flags: {
          /**
           * Key of a flag, name of a segment
           */
          key: string
          /**
           * The segments between, that of the user first; empty: direct
           */
          path: string[]
        }[]
        segments: {
          /**
           * Key of a flag, name of a segment
           */
          key: string
          /**
           * The segments between, that of the user first; empty: direct
           */
          path: string[]
        }[]
      }
    }
  }
  /**
   * Create or replace a segment
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/segments/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      dryRun?: 'true' | 'false'
      comment?: string
    }
    /**
     * `rule`: a rule in JSONLogic with flagd’s operators, or a list of constants
     */
    body: {
      rule: unknown
    }
    response: {
      /**
       * Name of a segment, unique in its environment
       */
      name: string
      rule: unknown
      /**
       * Of the last change of the segment, before a dry run as after it; 0 if it does not exist
       */
      revision: number
      dryRun: boolean
      /**
       * Keys of the flags that may evaluate differently, at most 1000
       */
      affects: string[]
      affectsCount: number
      warnings?: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Change parts of a segment (JSON Merge Patch, RFC 7396)
   */
  'PATCH /api/v1/projects/{project}/environments/{environment}/segments/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      dryRun?: 'true' | 'false'
      comment?: string
    }
    /**
     * `rule`: a rule in JSONLogic with flagd’s operators, or a list of constants
     */
    body: {
      rule: unknown
    }
    response: {
      /**
       * Name of a segment, unique in its environment
       */
      name: string
      rule: unknown
      /**
       * Of the last change of the segment, before a dry run as after it; 0 if it does not exist
       */
      revision: number
      dryRun: boolean
      /**
       * Keys of the flags that may evaluate differently, at most 1000
       */
      affects: string[]
      affectsCount: number
      warnings?: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Delete a segment that is not in use
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}/segments/{name}': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      dryRun?: 'true' | 'false'
      force?: 'true' | 'false'
      comment?: string
    }
    response: undefined
  }
  /**
   * Rename a segment, in all rules that refer to it
   */
  'POST /api/v1/projects/{project}/environments/{environment}/segments/{name}/rename': {
    path: {
      project: string
      environment: string
      name: string
    }
    query: {
      dryRun?: 'true' | 'false'
      comment?: string
    }
    body: {
      /**
       * Name of a segment, unique in its environment
       */
      to: string
    }
    response: {
      /**
       * Name of a segment, unique in its environment
       */
      name: string
      rule: unknown
      /**
       * Of the last change of the segment, before a dry run as after it; 0 if it does not exist
       */
      revision: number
      dryRun: boolean
      /**
       * Keys of the flags that may evaluate differently, at most 1000
       */
      affects: string[]
      affectsCount: number
      warnings?: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Export an environment
   */
  'GET /api/v1/projects/{project}/environments/{environment}/flagset': {
    path: {
      project: string
      environment: string
    }
    query: {
      portable?: 'true' | 'false'
    }
    response: {
      $schema?: unknown
      flags: {
        [k: string]: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        }
      }
      /**
       * Segments: rules shared by name
       */
      $evaluators?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
    }
  }
  /**
   * Apply a flagd document to an environment
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/flagset': {
    path: {
      project: string
      environment: string
    }
    query: {
      dryRun?: 'true' | 'false'
      prune?: 'true' | 'false'
      strict?: 'true' | 'false'
      comment?: string
    }
    body: {
      $schema?: unknown
      flags: {
        [k: string]: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        }
      }
      /**
       * Segments: rules shared by name
       */
      $evaluators?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
    }
    response: {
      /**
       * Counts the changes of its environment
       */
      revision: number
      dryRun: boolean
      created: string[]
      updated: string[]
      removed: string[]
      /**
       * Whether segments changed
       */
      segments: boolean
      /**
       * Whether the flag set’s metadata changed
       */
      metadata: boolean
      /**
       * Whether other members of the document, such as $schema, changed
       */
      members: boolean
      differences: {
        key: string
        before: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        } | null
        after: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        } | null
      }[]
      warnings: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * List flags and segments with mistakes: invalid rules and dangling references
   */
  'GET /api/v1/projects/{project}/environments/{environment}/problems': {
    path: {
      project: string
      environment: string
    }
    query: {
      limit?: string
      after?: string
    }
    response: {
      items: {
        subject: 'flag' | 'segment'
        key: string
        /**
         * At most 20, with pointers into the document that `flagset?portable=false` exports
         */
        errors: {
          /**
           * JSON Pointer (RFC 6901)
           */
          pointer: string
          detail: string
        }[]
        errorsLeftOut?: number
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * List managers
   */
  'GET /api/v1/projects/{project}/environments/{environment}/managers': {
    path: {
      project: string
      environment: string
    }
    response: {
      items: {
        /**
         * Name of a system that manages flags: `<system>:<name>`
         */
        name: string
        /**
         * Whether others may not change what it manages
         */
        locked: boolean
        /**
         * How many flags it manages
         */
        flags: number
        segments: string[]
        metadata: string[]
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Apply what a manager wants; what is wrong is refused by itself
   */
  'PUT /api/v1/projects/{project}/environments/{environment}/managers/{manager}': {
    path: {
      project: string
      environment: string
      manager: string
    }
    query: {
      dryRun?: 'true' | 'false'
      prune?: 'true' | 'false'
      adopt?: 'true' | 'false'
      drift?: 'correct' | 'report'
      comment?: string
    }
    body: {
      flags: {
        [k: string]: {
          state: 'ENABLED' | 'DISABLED'
          /**
           * Name → value; all values of one type
           */
          variants: {
            [k: string]: unknown
          }
          /**
           * Null or absent: the default in the application’s code
           */
          defaultVariant?: string | null
          /**
           * JSONLogic with flagd’s operators; evaluates to the name of a variant
           */
          targeting?: {
            [k: string]: unknown
          }
          /**
           * Returned to the application with each evaluation
           */
          metadata?: {
            [k: string]: string | number | boolean
          }
          /**
           * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
           */
          flagstaff?: {
            [k: string]: unknown
          }
        }
      }
      $evaluators?: {
        [k: string]: unknown
      }
      /**
       * Returned to the application with each evaluation
       */
      metadata?: {
        [k: string]: string | number | boolean
      }
      /**
       * JSON Pointers, such as /flags/a, of what stays as it is although it is not named
       */
      keep?: string[]
    }
    response: {
      /**
       * Counts the changes of its environment
       */
      revision: number
      dryRun: boolean
      created: string[]
      updated: string[]
      removed: string[]
      /**
       * Flags that had no manager before
       */
      adopted: string[]
      /**
       * Flags that lost this manager, the removed ones included
       */
      released: string[]
      /**
       * JSON Pointers of what others have changed
       */
      drifted: string[]
      /**
       * Whether segments changed
       */
      segments: boolean
      /**
       * Whether the flag set’s metadata changed
       */
      metadata: boolean
      /**
       * Flags that the manager has
       */
      managed: number
      /**
       * What is left as it is, and why; at most 1000, of one flag at most 5
       */
      refused: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
      refusedLeftOut?: number
      warnings: {
        /**
         * JSON Pointer (RFC 6901)
         */
        pointer: string
        detail: string
      }[]
    }
  }
  /**
   * Release what a manager has: it stays as it is, and everyone may change it
   */
  'DELETE /api/v1/projects/{project}/environments/{environment}/managers/{manager}': {
    path: {
      project: string
      environment: string
      manager: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
  /**
   * Report evaluations that a client counted in its own process
   */
  'POST /api/v1/projects/{project}/environments/{environment}/usage': {
    path: {
      project: string
      environment: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * New for each report; the same id is counted once
       */
      id: string
      /**
       * Begin of the counted time
       */
      from: string
      /**
       * Its end, at most an hour later and a day ago; its hour gets the counts
       */
      to: string
      /**
       * @maxItems 2000
       */
      counts: {
        /**
         * Key of a flag, unique in its project
         */
        flag: string
        variant?: string | null
        reason: 'STATIC' | 'DEFAULT' | 'TARGETING_MATCH' | 'DISABLED' | 'PARSE_ERROR' | 'GENERAL' | 'TYPE_MISMATCH'
        count: number
      }[]
    }
    response: {
      /**
       * False: this report was counted before
       */
      counted: boolean
      /**
       * Keys that no flag has; their counts are dropped
       */
      unknown: string[]
    }
  }
  /**
   * Read a plan, with its state at a second
   */
  'GET /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      at?: string
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * Start or schedule a rollout
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan/rollout': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      replace?: 'true' | 'false'
      leave?: 'true' | 'false'
      comment?: string
    }
    body: {
      /**
       * A variant, a rule, the default variant, or the rule of the plan
       */
      to:
        | {
            variant: string
          }
        | {
            rule: {
              [k: string]: unknown
            }
          }
        | {
            default: true
          }
        | {
            base: true
          }
      /**
       * By default what is served at the start
       */
      from?:
        | {
            variant: string
          }
        | {
            rule: {
              [k: string]: unknown
            }
          }
        | {
            default: true
          }
        | {
            base: true
          }
      /**
       * Attribute by which users are distributed (targetingKey)
       */
      by?: string
      /**
       * The same salt and share are the same users; made for a new rollout
       */
      salt?: string
      /**
       * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
       */
      start?:
        | number
        | string
        | {
            local: string
            zone: string
            utc?: number
            offset?: string
          }
      /**
       * Shares from moments on; `after` is the time from the start, such as "6h" or "1d12h"
       */
      steps?: {
        /**
         * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
         */
        at?:
          | number
          | string
          | {
              local: string
              zone: string
              utc?: number
              offset?: string
            }
        after?: string
        /**
         * In 1/100,000 of all users, or an exact fraction [weight, total]
         */
        share: number | [number, number]
      }[]
      /**
       * A share that grows evenly, from 0 to 100 % by default
       */
      ramp?: {
        for?: string
        /**
         * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
         */
        until?:
          | number
          | string
          | {
              local: string
              zone: string
              utc?: number
              offset?: string
            }
        /**
         * In 1/100,000 of all users, or an exact fraction [weight, total]
         */
        fromShare?: number | [number, number]
        /**
         * In 1/100,000 of all users, or an exact fraction [weight, total]
         */
        toShare?: number | [number, number]
      }
      note?: string
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * Pause the rollout
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan/pause': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * Resume the paused rollout with the same people
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan/resume': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      dates?: 'shift' | 'keep'
      comment?: string
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * Take the rollout back; nothing that was planned later happens
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan/retreat': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * now: everybody at once. first-in-last-out: the rollout backwards
       */
      how: 'now' | 'first-in-last-out'
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * Make what is served at the end the rule, without a timeline
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan/finish': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      early?: 'true' | 'false'
      comment?: string
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * Drop what has not begun, and keep what is served now
   */
  'POST /api/v1/projects/{project}/environments/{environment}/flags/{key}/plan/cancel': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      comment?: string
    }
    response: {
      /**
       * Arms in ascending order of `at`, each with one of `serve`, `rollout` and `paused`; see the documentation
       */
      plan: {
        v: 1
        rule?: {
          [k: string]: unknown
        } | null
        timeline?: {
          /**
           * Unix seconds; a time with offset (RFC 3339) in whole seconds; or a local time such as "2027-03-28T09:30" with its time zone, and the offset where the clock shows it twice. "now" where a person changes one flag
           */
          at:
            | number
            | string
            | {
                local: string
                zone: string
                utc?: number
                offset?: string
              }
          note?: string
        }[]
      }
      /**
       * The rule that is made from the plan; absent: the default variant
       */
      targeting: {
        [k: string]: unknown
      }
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The present second
       */
      now: number
      /**
       * The second that the following members are about
       */
      at: number
      /**
       * Place of the arm in force in the timeline; null: before the first
       */
      arm: number | null
      /**
       * Share of users that get what the rollout in force is to
       */
      share: {
        exact: number[]
        percent: number
      } | null
      paused: boolean
      /**
       * When time changes it next; during a ramp the end of the ramp
       */
      next: number | null
      /**
       * Whether time changes nothing any more
       */
      finished: boolean
      warnings: string[]
    }
  }
  /**
   * List what time will change, or has changed, by the present plans
   */
  'GET /api/v1/projects/{project}/environments/{environment}/schedule': {
    path: {
      project: string
      environment: string
    }
    query: {
      limit?: string
      offset?: string
      from?: string
      to?: string
    }
    response: {
      items: {
        flag: string
        /**
         * Unix seconds
         */
        at: number
        /**
         * The local time with the offset of that day, if the moment was written as a local time
         */
        local: string | null
        zone: string | null
        /**
         * Whether the local time that was written is another second by now: the rules of the zone have changed
         */
        moved: boolean
        what: 'serve' | 'step' | 'ramp_start' | 'ramp_end' | 'pause'
        share: {
          exact: number[]
          percent: number
        } | null
        /**
         * A variant, a rule, the default variant, or the rule of the plan
         */
        serve:
          | {
              variant: string
            }
          | {
              rule: {
                [k: string]: unknown
              }
            }
          | {
              default: true
            }
          | {
              base: true
            }
        note: string | null
        /**
         * Who planned it
         */
        by: string | null
        /**
         * Counts the changes of its environment
         */
        revision: number
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Explain evaluations
   */
  'POST /api/v1/projects/{project}/environments/{environment}/explain': {
    path: {
      project: string
      environment: string
    }
    query: {
      comment?: string
    }
    body: {
      /**
       * The evaluation context of one user
       */
      context?: {
        [k: string]: unknown
      }
      /**
       * Counts variants instead of explaining
       *
       * @minItems 1
       * @maxItems 1000
       */
      contexts?: [unknown, ...unknown[]]
      /**
       * @minItems 1
       * @maxItems 100
       *
       * Items: Key of a flag, unique in its project
       */
      flags: [string, ...string[]]
      /**
       * Evaluates as at this moment; now by default
       */
      at?: string
      /**
       * A draft in place of the stored definition; for one flag only
       */
      definition?: {
        state: 'ENABLED' | 'DISABLED'
        /**
         * Name → value; all values of one type
         */
        variants: {
          [k: string]: unknown
        }
        /**
         * Null or absent: the default in the application’s code
         */
        defaultVariant?: string | null
        /**
         * JSONLogic with flagd’s operators; evaluates to the name of a variant
         */
        targeting?: {
          [k: string]: unknown
        }
        /**
         * Returned to the application with each evaluation
         */
        metadata?: {
          [k: string]: string | number | boolean
        }
        /**
         * The plan: rule, timeline and rollouts, from which `targeting` is then made; null keeps the rule and drops the plan
         */
        flagstaff?: {
          [k: string]: unknown
        }
      }
    }
    response: {
      /**
       * Counts the changes of its environment
       */
      revision: number
      /**
       * The moment of the evaluation
       */
      at: string
      bucketing: string
      explanations?: {
        key: string
        answer: {
          value?: unknown
          variant?: string
          reason: string
          errorCode?: string
          errorDetails?: string
          metadata: {
            [k: string]: unknown
          }
        }
        decidedBy: {
          kind: 'rule' | 'otherwise' | 'default_variant' | 'code_default' | 'disabled' | 'held' | 'not_found' | 'error'
          /**
           * From 0
           */
          rule?: number
          pointer?: string
        }
        summary: string
        rules: {
          rule: number
          pointer: string
          outcome: 'match' | 'no_match' | 'not_reached' | 'error'
          /**
           * A node of the rule: kind is all, any, not, clause, segment, split, advanced or constant; value is "not_reached" for a node that was not evaluated
           */
          condition: {
            pointer: string
            kind: string
            value: unknown
          }
          /**
           * A node of the rule: kind is all, any, not, clause, segment, split, advanced or constant; value is "not_reached" for a node that was not evaluated
           */
          result: {
            pointer: string
            kind: string
            value: unknown
          }
        }[]
        /**
         * A node of the rule: kind is all, any, not, clause, segment, split, advanced or constant; value is "not_reached" for a node that was not evaluated
         */
        otherwise?: {
          pointer: string
          kind: string
          value: unknown
        }
        segments: {
          [k: string]: {
            pointer: string
            value: unknown
          }
        }
        /**
         * Attributes that the evaluation read
         */
        used: string[]
        /**
         * Those of them that the context does not have
         */
        missing: string[]
        readsClock: boolean
        /**
         * Single clauses whose opposite would give another variant; only where one flag is explained
         */
        changes: {
          pointer: string
          variant: string | null
        }[]
        truncated: boolean
      }[]
      counts?: {
        key: string
        /**
         * Contexts by variant
         */
        variants: {
          [k: string]: number
        }
        /**
         * Contexts for which applications use the default in their code
         */
        withoutVariant: number
        errors: number
      }[]
    }
  }
  /**
   * List the versions of a definition
   */
  'GET /api/v1/projects/{project}/environments/{environment}/flags/{key}/history': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      limit?: string
      before?: string
    }
    response: {
      items: {
        id: string
        /**
         * When
         */
        at: string
        actor: string
        subject: 'project' | 'environment' | 'flag' | 'definition' | 'segment' | 'key'
        action: 'create' | 'update' | 'delete' | 'rename' | 'archive' | 'restore' | 'rollback' | 'promote' | 'revoke'
        project: string | null
        environment: string | null
        flag: string | null
        /**
         * Name of a segment; after a renaming the new one
         */
        segment: string | null
        revision: number | null
        before: unknown
        after: unknown
        comment: string
        traceId: string
        /**
         * Where a promoted definition or segment came from; with `flag` that of a copied flag. Null: nowhere
         */
        from: {
          environment: string
          /**
           * Counts the changes of its environment
           */
          revision: number
          flag?: string
        } | null
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Count the evaluations of a flag
   */
  'GET /api/v1/projects/{project}/environments/{environment}/flags/{key}/usage': {
    path: {
      project: string
      environment: string
      key: string
    }
    query: {
      from?: string
      to?: string
    }
    response: {
      /**
       * Begin of the first hour
       */
      from: string
      /**
       * End
       */
      to: string
      /**
       * Evaluations of this flag; those of the last minutes may be missing
       */
      total: number
      /**
       * Evaluations of any flag in this environment beyond the maximum of separate counts
       */
      unattributed: number
      /**
       * Last evaluation, up to some minutes late; null: none. In all environments where no environment is named
       */
      lastEvaluatedAt: string | null
      syncedInProcessAt: string | null
      items: {
        /**
         * Begin of the hour, UTC
         */
        hour: string
        /**
         * Null where the response named none
         */
        variant: string | null
        /**
         * Reason of the evaluation; of a failure its error code
         */
        reason: string
        /**
         * Evaluations
         */
        count: number
      }[]
    }
  }
  /**
   * List changes; for a viewer or editor those of its environment
   */
  'GET /api/v1/changes': {
    query: {
      limit?: string
      before?: string
      project?: string
      environment?: string
      flag?: string
      segment?: string
      subject?: 'project' | 'environment' | 'flag' | 'definition' | 'segment' | 'key'
      actor?: string
      from?: string
      to?: string
    }
    response: {
      items: {
        id: string
        /**
         * When
         */
        at: string
        actor: string
        subject: 'project' | 'environment' | 'flag' | 'definition' | 'segment' | 'key'
        action: 'create' | 'update' | 'delete' | 'rename' | 'archive' | 'restore' | 'rollback' | 'promote' | 'revoke'
        project: string | null
        environment: string | null
        flag: string | null
        /**
         * Name of a segment; after a renaming the new one
         */
        segment: string | null
        revision: number | null
        before: unknown
        after: unknown
        comment: string
        traceId: string
        /**
         * Where a promoted definition or segment came from; with `flag` that of a copied flag. Null: nowhere
         */
        from: {
          environment: string
          /**
           * Counts the changes of its environment
           */
          revision: number
          flag?: string
        } | null
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * List keys, without their secrets; for an editor the client and server keys of its environment
   */
  'GET /api/v1/keys': {
    query: {
      limit?: string
      offset?: string
    }
    response: {
      items: {
        id: string
        name: string
        /**
         * client: evaluate; server: and read definitions; viewer: and read all else of its environment; editor: and change it; admin: everything
         */
        role: 'client' | 'server' | 'viewer' | 'editor' | 'admin'
        environment: {
          /**
           * Key of a project
           */
          project: string
          /**
           * Key of an environment
           */
          environment: string
        } | null
        createdBy: string
        /**
         * Creation
         */
        createdAt: string
        expiresAt: string | null
        revokedAt: string | null
        lastUsedAt: string | null
      }[]
      /**
       * Where the next page starts; null at the end
       */
      next: string | null
    }
  }
  /**
   * Create a key; an editor creates client and server keys of its environment
   */
  'POST /api/v1/keys': {
    query: {
      comment?: string
    }
    body: {
      name: string
      /**
       * client: evaluate; server: and read definitions; viewer: and read all else of its environment; editor: and change it; admin: everything
       */
      role: 'client' | 'server' | 'viewer' | 'editor' | 'admin'
      environment?: {
        /**
         * Key of a project
         */
        project: string
        /**
         * Key of an environment
         */
        environment: string
      } | null
      expiresAt?: string | null
    }
    response: {
      id: string
      name: string
      /**
       * client: evaluate; server: and read definitions; viewer: and read all else of its environment; editor: and change it; admin: everything
       */
      role: 'client' | 'server' | 'viewer' | 'editor' | 'admin'
      environment: {
        /**
         * Key of a project
         */
        project: string
        /**
         * Key of an environment
         */
        environment: string
      } | null
      createdBy: string
      /**
       * Creation
       */
      createdAt: string
      expiresAt: string | null
      revokedAt: string | null
      lastUsedAt: string | null
      /**
       * Returned this once; only its hash is stored
       */
      secret: string
    }
  }
  /**
   * Revoke a key
   */
  'DELETE /api/v1/keys/{id}': {
    path: {
      id: string
    }
    query: {
      comment?: string
    }
    response: undefined
  }
}
