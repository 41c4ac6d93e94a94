import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { t } from '../shared/i18n'
import type { Video } from './records'

/** Asks before a video goes with its file. */
export function Delete({ video, onYes, onClose }: { video: Video; onYes: () => void; onClose: () => void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} aria-labelledby="delete-heading" onClose={onClose}>
      <h2 id="delete-heading">{t('delete.ask', { title: video.title })}</h2>
      <p>{t('delete.text')}</p>
      <div class="actions">
        <button type="button" class="button" autofocus onClick={() => dialog.current?.close()}>{t('delete.not')}</button>
        <button type="button" class="button danger" onClick={() => { dialog.current?.close(); onYes() }}>{t('delete')}</button>
      </div>
    </dialog>
  )
}
