import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { Icon } from '../shared/chrome'
import { t } from '../shared/i18n'

/** Copies a whole address. Where the page may not (plain http), it shows the address, selected. */
export function Copy({ path, onCopied }: { path: string; onCopied: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const address = new URL(path, location.href).href
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(address)
      onCopied()
    } catch {
      dialog.current?.showModal()
      field.current?.select()
    }
  }
  return (
    <>
      <button type="button" class="button" onClick={() => void copy()}><Icon name="link" />{t('copy')}</button>
      <dialog ref={dialog} aria-labelledby="copy-label">
        <form method="dialog" class="field">
          <label id="copy-label" for="copy-address">{t('copy.address')}</label>
          <input ref={field} id="copy-address" type="text" readOnly value={address} dir="ltr" />
          <div class="actions"><button class="button">{t('close')}</button></div>
        </form>
      </dialog>
    </>
  )
}
