import { useId } from 'preact/hooks'
import type { KeyRole, ROLES } from './keys.ts'
import * as css from './role-choice.module.css'

type RoleChoiceProps = {
  readonly roles: typeof ROLES
  readonly role: KeyRole
  readonly onChange: (role: KeyRole) => void
}

/** The roles as radio buttons, each with the sentence that says what it may do. */
export function RoleChoice({ roles, role, onChange }: RoleChoiceProps) {
  const id = useId()
  return (
    <fieldset class={css.roles}>
      <legend>Role</legend>
      {roles.map((each) => (
        <label key={each.role} class={css.role}>
          <input
            type="radio"
            name={id}
            checked={each.role === role}
            aria-describedby={`${id}-${each.role}`}
            onChange={() => onChange(each.role)}
          />
          <span class={css.label}>{each.label}</span>
          <span id={`${id}-${each.role}`} class={css.text}>
            {each.text}
          </span>
        </label>
      ))}
    </fieldset>
  )
}
