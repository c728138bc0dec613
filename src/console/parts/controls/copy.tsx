import { useState } from 'preact/hooks'
import { announce, showToast } from '../overlays/toast.tsx'
import { IconButton } from './button.tsx'

const SHOWN_MS = 1_500

/** Copies a text; the icon turns into a tick for a moment. `what` names it: "Copy the key". */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      return showToast('The browser does not allow to copy. Select the text instead', { isError: true })
    }
    announce('Copied')
    setCopied(true)
    setTimeout(() => setCopied(false), SHOWN_MS)
  }
  return <IconButton icon={isCopied ? 'check' : 'copy'} label={`Copy ${what}`} size={14} onClick={() => void copy()} />
}
