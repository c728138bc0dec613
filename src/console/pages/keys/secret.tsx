import { Button } from '../../parts/controls/button.tsx'
import { CopyButton } from '../../parts/controls/copy.tsx'
import { Icon } from '../../parts/display/icon.tsx'
import { Dialog } from '../../parts/overlays/dialog.tsx'
import * as css from './secret.module.css'

type SecretProps = {
  readonly name: string
  readonly secret: string
  /** Whether the clipboard has it already. */
  readonly isCopied: boolean
  readonly onClose: () => void
}

/** The secret of a key that was just created, this once. */
export function Secret({ name, secret, isCopied, onClose }: SecretProps) {
  const done = (
    <Button kind="primary" data-autofocus="" onClick={onClose}>
      Done
    </Button>
  )
  return (
    <Dialog title={`Key ${name}`} onClose={onClose} actions={done}>
      <p class={css.state}>
        <Icon name={isCopied ? 'success' : 'warning'} />
        {isCopied
          ? 'The key is created, and its secret is in the clipboard.'
          : 'The key is created. Copy its secret now.'}
      </p>
      <div class={css.secret}>
        <code>{secret}</code>
        <CopyButton text={secret} what="the secret" />
      </div>
      <p class={css.note}>The service stores only a hash of it: it cannot be shown again.</p>
    </Dialog>
  )
}
