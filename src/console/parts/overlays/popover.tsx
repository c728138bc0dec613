import type { ComponentChildren, JSX, Ref } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon, type IconName } from '../display/icon.tsx'
import * as css from './popover.module.css'

const GAP = 4
const MARGIN = 8

/** Puts `panel` below `anchor`, or above it where there is more room, within the window. */
export function place(panel: HTMLElement, anchor: Element): void {
  const at = anchor.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = panel
  const fitsBelow = at.bottom + GAP + height + MARGIN <= innerHeight || at.top < innerHeight - at.bottom
  const top = fitsBelow ? at.bottom + GAP : at.top - GAP - height
  const left = Math.min(at.left, document.documentElement.clientWidth - width - MARGIN)
  panel.style.top = `${Math.max(MARGIN, Math.min(top, innerHeight - height - MARGIN))}px`
  panel.style.left = `${Math.max(MARGIN, left)}px`
}

type PopoverProps = {
  readonly anchor: Ref<HTMLElement>
  readonly label: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A panel beside `anchor`, open as long as it is rendered. Escape or a press elsewhere closes it; then focus returns to the opener. */
export function Popover({ anchor, label, onClose, children }: PopoverProps) {
  const panel = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = panel.current
    const opener = anchor && 'current' in anchor ? anchor.current : null
    if (!element || !opener) return
    element.showPopover()
    place(element, opener)
    const focused = element.querySelector<HTMLElement>('[data-autofocus]') ?? element
    focused.focus({ preventScroll: true })
    return () => {
      if (element.contains(document.activeElement)) opener.focus({ preventScroll: true })
    }
  }, [])
  return (
    <div
      ref={panel}
      popover="auto"
      role="dialog"
      aria-label={label}
      tabIndex={-1}
      class={css.popover}
      onToggle={(event) => event.newState === 'closed' && onClose()}
    >
      {children}
    </div>
  )
}

/** One action of a menu; a `href` makes it a link. */
export type MenuItem = {
  readonly label: string
  readonly icon?: IconName
  readonly isDangerous?: boolean
  readonly onSelect?: () => void
  readonly href?: string
}
type MenuProps = {
  readonly label: string
  readonly items: readonly MenuItem[]
  /** The button that opens the menu: spread `props` on it. */
  readonly children: (props: JSX.ButtonHTMLAttributes<HTMLButtonElement>) => ComponentChildren
}

/** A menu by the pattern of ARIA: arrow keys, Home, End and first letters move, Enter selects, Escape closes. */
export function Menu({ label, items, children }: MenuProps) {
  const [isOpen, setOpen] = useState(false)
  const opener = useRef<HTMLElement | null>(null)
  const id = useId()
  return (
    <>
      {children({
        'aria-haspopup': 'menu',
        'aria-expanded': isOpen,
        'aria-controls': isOpen ? id : undefined,
        onClick: (event) => {
          opener.current = event.currentTarget
          setOpen(!isOpen)
        },
      })}
      {isOpen && <MenuList id={id} label={label} items={items} opener={opener} onClose={() => setOpen(false)} />}
    </>
  )
}

type MenuListProps = {
  readonly id: string
  readonly label: string
  readonly items: readonly MenuItem[]
  readonly opener: { readonly current: HTMLElement | null }
  readonly onClose: () => void
}

function MenuList({ id, label, items, opener, onClose }: MenuListProps) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = list.current
    if (!element || !opener.current) return
    element.showPopover()
    place(element, opener.current)
    element.querySelector<HTMLElement>('[role=menuitem]')?.focus()
  }, [])
  const close = () => {
    onClose()
    opener.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])]
    const next = nextItem(all, event.key)
    if (event.key === 'Tab') onClose()
    if (event.key === 'Escape') close()
    if (!next) return
    event.preventDefault()
    next.focus()
  }
  return (
    <div
      ref={list}
      id={id}
      popover="auto"
      role="menu"
      aria-label={label}
      tabIndex={-1}
      class={`${css.popover} ${css.menu}`}
      onKeyDown={onKeyDown}
      onToggle={(event) => event.newState === 'closed' && onClose()}
    >
      {items.map((item) => (
        <MenuEntry key={item.label} item={item} onDone={close} />
      ))}
    </div>
  )
}

function MenuEntry({ item, onDone }: { readonly item: MenuItem; readonly onDone: () => void }) {
  const { label, icon, isDangerous, onSelect, href } = item
  const look = `${css.item} ${isDangerous ? css.danger : ''}`
  const content = (
    <>
      {icon && <Icon name={icon} />}
      {label}
    </>
  )
  const select = () => {
    onDone()
    onSelect?.()
  }
  if (href !== undefined)
    return (
      <a role="menuitem" tabIndex={-1} class={look} href={href} onClick={onDone}>
        {content}
      </a>
    )
  return (
    <button type="button" role="menuitem" tabIndex={-1} class={look} onClick={select}>
      {content}
    </button>
  )
}

/** The item that a key leads to from the one in focus; undefined for a key that moves nothing. */
function nextItem(items: readonly HTMLElement[], key: string): HTMLElement | undefined {
  const at = items.indexOf(document.activeElement as HTMLElement)
  const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }
  const to = moves[key]
  if (to !== undefined) return items.at(to % items.length)
  if (!/^[\p{L}\p{N}]$/u.test(key)) return undefined
  const after = [...items.slice(at + 1), ...items.slice(0, at + 1)]
  return after.find((item) => item.textContent?.toLowerCase().startsWith(key.toLowerCase()))
}
