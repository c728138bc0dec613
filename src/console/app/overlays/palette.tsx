import { useQuery } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { matrixQuery } from '../../api/queries.ts'
import { useCellActions } from '../../pages/flags/actions.ts'
import { Icon } from '../../parts/display/icon.tsx'
import { lastProject } from '../project.ts'
import * as css from './palette.module.css'
import { type Command, commandsFor } from './palette-commands.ts'

type PaletteProps = {
  /** What was typed while this was being loaded; set to undefined when it takes the keys itself. */
  readonly ahead: { current: string | undefined }
  readonly onClose: () => void
}

/** Goes to flags and pages, and acts on flags, by typing. */
export function Palette({ ahead, onClose }: PaletteProps) {
  const [text, setText] = useState('')
  useEffect(() => {
    setText(ahead.current ?? '')
    ahead.current = undefined
  }, [])
  const [at, setAt] = useState(0)
  const [asked, setAsked] = useState<Command>()
  const project = lastProject.value
  const { data: matrix } = useQuery({ ...matrixQuery(project ?? ''), enabled: project !== undefined })
  const commands = asked ? [asked] : commandsFor(text, matrix, project)
  const run = useRun(onClose, setAsked)
  const id = useId()
  const onKeyDown = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const chosen = commands[at]
    if (move !== undefined && commands.length > 0) setAt((at + move + commands.length) % commands.length)
    else if (event.key === 'Enter' && chosen) run(chosen, asked !== undefined)
    else return
    event.preventDefault()
  }
  return (
    <PaletteFrame onClose={onClose}>
      <input
        class={css.input}
        role="combobox"
        aria-label="Go to, or act"
        aria-expanded
        aria-controls={`${id}-list`}
        aria-activedescendant={commands[at] && `${id}-${at}`}
        placeholder="A flag, a page, or: turn off new-checkout in production"
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setAsked(undefined)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <div id={`${id}-list`} class={css.list} role="listbox" aria-label="Commands">
        {commands.map((command, index) => (
          <Line
            key={command.id}
            id={`${id}-${index}`}
            command={command}
            isCurrent={index === at}
            question={asked && 'toggle' in asked ? asked.toggle.question : undefined}
            onRun={() => run(command, asked !== undefined)}
          />
        ))}
        {commands.length === 0 && <p class={css.none}>Nothing matches</p>}
      </div>
    </PaletteFrame>
  )
}

function PaletteFrame({ onClose, children }: { readonly onClose: () => void; readonly children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    dialog.current?.showModal()
    return () => dialog.current?.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      class={css.palette}
      aria-label="Go to, or act"
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      {children}
    </dialog>
  )
}

/** Runs a command; one of a protected environment is shown as a question first. */
function useRun(onClose: () => void, onAsk: (command: Command) => void) {
  const { route } = useLocation()
  const actions = useCellActions()
  return (command: Command, isConfirmed: boolean) => {
    if ('toggle' in command && command.toggle.question !== undefined && !isConfirmed) return onAsk(command)
    onClose()
    if ('href' in command) return route(command.href)
    const { name, cell, isWantedOn } = command.toggle
    void actions.toggle(name, cell, isWantedOn)
  }
}

type LineProps = {
  readonly id: string
  readonly command: Command
  readonly isCurrent: boolean
  readonly question: string | undefined
  readonly onRun: () => void
}

function Line({ id, command: { icon, label, note }, isCurrent, question, onRun }: LineProps) {
  const line = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (isCurrent) line.current?.scrollIntoView({ block: 'nearest' })
  }, [isCurrent])
  return (
    <div
      ref={line}
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={isCurrent}
      class={css.line}
      onPointerDown={(event) => {
        event.preventDefault() // so that the field keeps the focus
        onRun()
      }}
    >
      <Icon name={question ? 'shield' : icon} />
      <span class={css.label}>{question ?? label}</span>
      <span class={css.note}>{question ? 'Enter confirms' : note}</span>
    </div>
  )
}
