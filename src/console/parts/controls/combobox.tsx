import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { place } from '../overlays/popover.tsx'
import * as css from './combobox.module.css'
import * as field from './field.module.css'

/** A value that a combobox offers, with a note such as the type of an attribute. */
export type Choice = { readonly value: string; readonly note?: string }

type ComboboxProps = {
  readonly label: string
  readonly value: string
  readonly choices: readonly Choice[]
  /** Called with each key and each choice: any text is allowed, the choices are only offered. */
  readonly onInput: (value: string) => void
  /** Called when a choice was taken or Enter was pressed. */
  readonly onCommit?: (value: string) => void
  /** Called when Escape was pressed while nothing is offered. */
  readonly onCancel?: () => void
  readonly placeholder?: string
  readonly autoFocus?: boolean
  /** Leaves the label to assistive technology alone. */
  readonly isLabelHidden?: boolean
  readonly mono?: boolean
}

const OFFERED_MAX = 50

/** A line of text with suggestions, by the pattern of ARIA (combobox with a list): arrows move, Enter takes, Escape closes. */
export function Combobox(props: ComboboxProps) {
  const { label, value, choices, onInput, onCommit, onCancel, placeholder, autoFocus, isLabelHidden, mono } = props
  const [isOpen, setOpen] = useState(false)
  const [at, setAt] = useState(-1)
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  const offered = isOpen ? matching(choices, value) : []
  const take = (choice: string) => {
    onInput(choice)
    onCommit?.(choice)
    setOpen(false)
  }
  const leave = offered.length > 0 ? () => setOpen(false) : onCancel
  const onKeyDown = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (move !== undefined) {
      event.preventDefault()
      setOpen(true)
      setAt((at + move + offered.length + 1) % (offered.length + 1))
    } else if (event.key === 'Enter' && (isOpen || onCommit)) {
      event.preventDefault()
      take(offered[at]?.value ?? value)
    } else if (event.key === 'Escape' && leave) {
      event.stopPropagation()
      event.preventDefault()
      leave()
    }
  }
  return (
    <div class={field.field}>
      <label for={id} class={isLabelHidden ? 'visuallyHidden' : ''}>
        {label}
      </label>
      <input
        ref={input}
        id={id}
        class={`${field.input} ${mono ? field.mono : ''}`}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={offered.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={offered[at] ? `${id}-${at}` : undefined}
        autoComplete="off"
        spellcheck={false}
        value={value}
        placeholder={placeholder}
        data-autofocus={autoFocus ? '' : undefined}
        onInput={(event) => {
          onInput(event.currentTarget.value)
          setOpen(true)
          setAt(-1)
        }}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      {offered.length > 0 && (
        <Suggestions id={id} anchor={input} offered={offered} at={at} onTake={take} label={label} />
      )}
    </div>
  )
}

type SuggestionsProps = {
  readonly id: string
  readonly label: string
  readonly anchor: { readonly current: HTMLInputElement | null }
  readonly offered: readonly Choice[]
  readonly at: number
  readonly onTake: (value: string) => void
}

function Suggestions({ id, label, anchor, offered, at, onTake }: SuggestionsProps) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = list.current
    if (!element || !anchor.current) return
    element.style.minWidth = `${anchor.current.offsetWidth}px`
    if (!element.matches(':popover-open')) element.showPopover()
    place(element, anchor.current)
    element.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  })
  return (
    <div ref={list} id={`${id}-list`} popover="manual" role="listbox" aria-label={label} class={css.list}>
      {offered.map(({ value, note }, index) => (
        <div
          key={value}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === at}
          class={css.option}
          onPointerDown={(event) => {
            event.preventDefault() // so that the field keeps the focus
            onTake(value)
          }}
        >
          <span>{value}</span>
          {note && <span class={css.note}>{note}</span>}
        </div>
      ))}
    </div>
  )
}

/** Choices that contain the text, those that begin with it first. The text itself is not offered. */
function matching(choices: readonly Choice[], text: string): Choice[] {
  const wanted = text.trim().toLowerCase()
  const places = choices.map((choice) => ({ choice, at: choice.value.toLowerCase().indexOf(wanted) }))
  return places
    .filter(({ choice, at }) => at >= 0 && choice.value !== text)
    .sort((one, other) => Math.sign(one.at) - Math.sign(other.at))
    .slice(0, OFFERED_MAX)
    .map(({ choice }) => choice)
}
