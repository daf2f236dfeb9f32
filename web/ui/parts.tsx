/** Small pieces that several views share. */
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Failure } from '../worker/api.ts'
import { Icon, type IconName } from './icons.tsx'
import type { Tone } from './tone.ts'

export function Card(props: { title?: string; children: ComponentChildren; class?: string; id?: string }) {
  const { title, children } = props
  const headingId = title === undefined ? undefined : `card-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`
  return (
    <section class={`card ${props.class ?? ''}`} {...(headingId === undefined ? {} : { 'aria-labelledby': headingId })}>
      {title !== undefined && <h2 id={headingId}>{title}</h2>}
      {children}
    </section>
  )
}

export function Pill(props: { tone: Tone; children: ComponentChildren; testId?: string; value?: string }) {
  return (
    <span class={`pill tone-${props.tone}`} data-testid={props.testId} data-value={props.value}>
      <span class="dot" aria-hidden="true" />
      {props.children}
    </span>
  )
}

/** Terms and what they are, one below the other. */
export function Facts(props: { facts: readonly { term: string; detail: ComponentChildren; testId?: string }[] }) {
  return (
    <dl class="facts">
      {props.facts.map(({ term, detail, testId }) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd data-testid={testId}>{detail}</dd>
        </div>
      ))}
    </dl>
  )
}

export function FailureNote({ failure, testId }: { failure: Failure | undefined; testId?: string }) {
  return (
    <div role="alert" class="alert-slot">
      {failure !== undefined && (
        <p class="note tone-bad" data-testid={testId} data-code={failure.code}>
          <Icon name="warning" size={20} />
          <span>{failure.sentence}</span>
        </p>
      )}
    </div>
  )
}

export function Note(props: { tone: Tone; icon?: IconName; children: ComponentChildren; testId?: string }) {
  return (
    <p class={`note tone-${props.tone}`} data-testid={props.testId}>
      <Icon name={props.icon ?? 'note'} size={20} />
      <span>{props.children}</span>
    </p>
  )
}

const COPIED_MS = 2_000

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), COPIED_MS)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = () =>
    void navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => setCopied(false),
    )
  return (
    <button type="button" class="quiet small" onClick={copy}>
      <Icon name={copied ? 'check' : 'copy'} size={18} />
      <span aria-live="polite">{copied ? 'Copied' : `Copy ${what}`}</span>
    </button>
  )
}

/** Loads a component when it is first shown, so that the first load stays small. */
export function Late<Props extends object>(props: {
  load: () => Promise<(props: Props) => ComponentChildren>
  props: Props
  waiting: ComponentChildren
}) {
  const { load } = props
  const [loaded, setLoaded] = useState<{ Component: (props: Props) => ComponentChildren }>()
  const [failed, setFailed] = useState(false)
  useEffect(() => {
    let shown = true
    load().then(
      (Component) => shown && setLoaded({ Component }),
      () => shown && setFailed(true),
    )
    return () => {
      shown = false
    }
  }, [load])
  if (failed)
    return <Note tone="warn">This part of the page could not be loaded: check the connection, then reload.</Note>
  if (loaded === undefined) return <>{props.waiting}</>
  const { Component } = loaded
  return <Component {...props.props} />
}
