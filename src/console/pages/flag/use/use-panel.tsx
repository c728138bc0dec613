import { useState } from 'preact/hooks'
import { read, write } from '../../../app/preferences.ts'
import { CopyButton } from '../../../parts/controls/copy.tsx'
import { Badge } from '../../../parts/display/badge.tsx'
import { Scroller } from '../../../parts/display/scroller.tsx'
import { LANGUAGES } from './languages.ts'
import type { Language, Snippet, SnippetProtocol, SnippetTarget } from './snippet.ts'
import * as css from './use.module.css'

/** Code that reads this flag, for each language that OpenFeature has a provider for. */
export function UsePanel({ target }: { target: SnippetTarget }) {
  const [languageId, setLanguageId] = useState(() => read('language') ?? 'curl')
  const [protocol, setProtocol] = useState<SnippetProtocol>('OFREP')
  const language = LANGUAGES.find(({ id }) => id === languageId) ?? (LANGUAGES[0] as Language)
  const snippets = language.snippets(target)
  const snippet = snippets.find((each) => each.protocol === protocol) ?? snippets[0]
  const choose = (id: string) => {
    write('language', id)
    setLanguageId(id)
  }
  return (
    <section class={css.use} aria-label="Use this flag">
      <Choice
        label="Language"
        options={LANGUAGES.map(({ id, name }) => [id, name])}
        value={language.id}
        onChange={choose}
      />
      {snippets.length > 1 && (
        <Choice
          label="Protocol"
          options={snippets.map((each) => [each.protocol, each.protocol])}
          value={snippet?.protocol ?? ''}
          onChange={(value) => setProtocol(value as SnippetProtocol)}
        />
      )}
      {snippet && <SnippetView snippet={snippet} target={target} />}
    </section>
  )
}

type ChoiceProps = {
  readonly label: string
  readonly options: readonly (readonly [value: string, name: string])[]
  readonly value: string
  readonly onChange: (value: string) => void
}

/** Radio buttons in a row. */
function Choice({ label, options, value, onChange }: ChoiceProps) {
  return (
    <fieldset class={css.choice}>
      <legend class="visuallyHidden">{label}</legend>
      {options.map(([option, name]) => (
        <label key={option} class={css.option}>
          <input type="radio" name={label} checked={option === value} onChange={() => onChange(option)} />
          <span>{name}</span>
        </label>
      ))}
    </fieldset>
  )
}

function SnippetView({ snippet, target }: { snippet: Snippet; target: SnippetTarget }) {
  const { install, code, isTested, note, protocol } = snippet
  return (
    <>
      {install !== '' && <Code title="Install" text={install} />}
      <Code title="Code" text={code} />
      <p class={css.notes}>
        {!isTested && <Badge tone="warn">untested</Badge>} {note}{' '}
        {target.apiKey === undefined
          ? 'Trial mode needs no key.'
          : 'Replace the key with a client key of this environment (page Keys).'}{' '}
        {protocol.startsWith('flagd') &&
          'flagd’s protocols use the port of gRPC where the service has one of its own (GRPC_PORT).'}
      </p>
    </>
  )
}

function Code({ title, text }: { title: string; text: string }) {
  return (
    <div class={css.code}>
      <div class={css.codeHead}>
        <h2>{title}</h2>
        <CopyButton text={text} what={title.toLowerCase()} />
      </div>
      <Scroller label={title}>
        <pre>
          <code>{text.trimEnd()}</code>
        </pre>
      </Scroller>
    </div>
  )
}
