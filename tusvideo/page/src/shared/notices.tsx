// What the reader is told: notes that stay until they are dismissed, and toasts that go by themselves.
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Icon } from './chrome'
import { t } from './i18n'

const TOAST_MS = 15_000

export interface Action {
  text: string
  run: () => void
}

export function Note({ kind, text, action, onDismiss }: { kind: 'good' | 'warn' | 'bad'; text: string; action?: Action | undefined; onDismiss?: () => void }): JSX.Element {
  return (
    <div class={`note ${kind}`} role="alert">
      <Icon name={kind} />
      <p class="text">{text}</p>
      {action && <button type="button" class="button" onClick={action.run}>{action.text}</button>}
      {onDismiss && <Dismiss onClick={onDismiss} />}
    </div>
  )
}

/** Said by the announcer, so it is no live region of its own. Stays for a good while, and while somebody is at it. */
export function Toast({ text, action, milliseconds = TOAST_MS, onDismiss }: { text: string; action?: Action | undefined; milliseconds?: number | undefined; onDismiss: () => void }): JSX.Element {
  const [isHeld, hold] = useState(false)
  useEffect(() => {
    if (isHeld) return
    const timer = setTimeout(onDismiss, milliseconds)
    return () => clearTimeout(timer)
  }, [isHeld, milliseconds])
  return (
    <div class="note good" onMouseEnter={() => hold(true)} onMouseLeave={() => hold(false)} onFocusCapture={() => hold(true)} onBlurCapture={() => hold(false)}>
      <Icon name="good" />
      <p class="text">{text}</p>
      {action && <button type="button" class="button" onClick={action.run}>{action.text}</button>}
      <Dismiss onClick={onDismiss} />
    </div>
  )
}

function Dismiss({ onClick }: { onClick: () => void }): JSX.Element {
  return <button type="button" class="button icon quiet" aria-label={t('dismiss')} onClick={onClick}><Icon name="close" /></button>
}
