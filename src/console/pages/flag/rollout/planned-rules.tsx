import type { Plan } from '../../../../flag/plan/plan.ts'
import { Button } from '../../../parts/controls/button.tsx'
import { Card } from '../../../parts/display/table.tsx'
import { sayPlanRule } from '../../../rules/plan/say-plan.ts'
import type { JsonPath } from '../../../rules/text.ts'
import type { DefinitionView } from '../../../rules/view.ts'
import { RuleEditorProvider, useRuleEditor } from '../builder/editor.ts'
import { RuleChain } from '../builder/rule-chain.tsx'
import type { FlagPlace } from '../queries.ts'
import { usePlanVerbs } from './plan-verbs.ts'
import * as css from './rollout.module.css'

type PlannedRulesProps = {
  readonly place: FlagPlace
  readonly plan: Plan
  readonly view: DefinitionView
  readonly selected: JsonPath | undefined
  readonly isReadOnly: boolean
}

/** What stands in place of the builder while a plan makes the rule. */
export function PlannedRules({ place, plan, view, selected, isReadOnly }: PlannedRulesProps) {
  const editor = useRuleEditor()
  const { eject, isBusy } = usePlanVerbs(place)
  const drop = !isReadOnly && (
    <Button size="small" disabled={isBusy} onClick={eject}>
      Drop the plan, keep the rule
    </Button>
  )
  return (
    <>
      <Card title="Rules" actions={drop}>
        <p>The rule of this flag is made from its plan. Where the plan does not decide: {sayPlanRule(plan.rule)}.</p>
        <p class={css.soft}>
          To change that, edit <code>flagstaff</code> in the tab “JSON”, or drop the plan and edit the rule as it is
          now.
        </p>
      </Card>
      <details class={css.compiled} open={selected !== undefined}>
        <summary>The rule as it is evaluated</summary>
        <RuleEditorProvider value={{ ...editor, isReadOnly: true }}>
          <RuleChain definition={view} selected={selected} />
        </RuleEditorProvider>
      </details>
    </>
  )
}
